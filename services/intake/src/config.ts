import type { TopicName } from '@offerstream/contracts'
import { settingsOrExit } from '@offerstream/streaming'
import type { IntakeOptions } from './service.ts'

/** The settings of this service, the only place that reads the environment. */
export const settings = settingsOrExit(process.env)

export const options: IntakeOptions = {
  futureLimitMs: settings.number('OFFERSTREAM_FUTURE_LIMIT_MS'),
  tickLagRecords: settings.number('OFFERSTREAM_TICK_LAG_RECORDS'),
  generations: Object.fromEntries(
    Object.entries(settings.map('OFFERSTREAM_GENERATIONS')).map(([topic, generation]) => [
      topic as TopicName,
      Number(generation),
    ]),
  ),
}
