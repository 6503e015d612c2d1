import { readFileSync } from 'node:fs'
import { BadMapping, type Mapping, readMapping } from '@offerstream/mapping'
import { settingsOrExit } from '@offerstream/streaming'
import type { IntakeOptions } from './service.ts'

/** The settings of this service, the only place that reads the environment. */
export const settings = settingsOrExit(process.env)

const mapping = mappingOrExit(settings.text('OFFERSTREAM_MAPPING'))

export const options: IntakeOptions = {
  futureLimitMs: settings.number('OFFERSTREAM_FUTURE_LIMIT_MS'),
  tickLagRecords: settings.number('OFFERSTREAM_TICK_LAG_RECORDS'),
  generations: Object.fromEntries(
    Object.entries(settings.map('OFFERSTREAM_GENERATIONS')).map(([topic, generation]) => [topic, Number(generation)]),
  ),
  ...(mapping === null ? {} : { mapping }),
}

function mappingOrExit(file: string): Mapping | null {
  if (file === '') return null
  try {
    return readMapping(readFileSync(file, 'utf8'))
  } catch (error) {
    const expected = error instanceof BadMapping || 'code' in (error as object)
    if (!expected) throw error
    process.stderr.write(`OFFERSTREAM_MAPPING ${file}: ${(error as Error).message}\n`)
    process.exit(1)
  }
}
