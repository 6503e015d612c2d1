// pnpm bench <name>: measures and prints a table; with --json one object on the last line. The method: docs/benchmarks.md.

import { availableParallelism, cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { api } from './api.ts'
import type { Bench } from './bench.ts'
import { decide } from './decide.ts'
import { transactions } from './features-from-disk.ts'
import { latency } from './latency.ts'
import { learning } from './learning.ts'
import { memory } from './memory.ts'
import { progress, table } from './print.ts'
import { push } from './push.ts'
import { rebuild } from './rebuild.ts'
import { replay } from './replay.ts'
import { scoreBase } from './score-base.ts'
import { scorer } from './scorer.ts'
import { simulate } from './simulate.ts'
import { updater } from './updater.ts'

const benches: Readonly<Record<string, Bench>> = {
  api,
  updater,
  memory,
  latency,
  scorer,
  decide,
  push,
  replay,
  rebuild,
  transactions,
  simulate,
  learning,
  'score-base': scoreBase,
}

const [name, ...rest] = process.argv.slice(2)
const bench = name === undefined ? undefined : benches[name]
if (bench === undefined) {
  const asked = name === undefined || name === '--help'
  if (!asked) console.error(`there is no bench ${name}\n`)
  console.log('pnpm bench NAME [--json] [--help]\n')
  for (const [each, { says }] of Object.entries(benches)) console.log(`  ${each.padEnd(10)} ${says}`)
  process.exit(asked ? 0 : 2)
}
process.exitCode = await measure(name!, bench, rest)

async function measure(name: string, bench: Bench, given: readonly string[]): Promise<number> {
  const options = Object.entries(bench.options)
  let values: Record<string, string | boolean | undefined>
  try {
    values = parseArgs({
      args: [...given],
      options: {
        json: { type: 'boolean' },
        help: { type: 'boolean' },
        ...Object.fromEntries(options.map(([option]) => [option, { type: 'string' as const }])),
      },
    }).values
  } catch (error) {
    console.error(`${(error as Error).message}; see pnpm bench ${name} --help`)
    return 2
  }
  if (values['help']) {
    console.log(`pnpm bench ${name}: ${bench.says}\n`)
    for (const [option, { fallback, says }] of options)
      console.log(`  --${option.padEnd(12)} ${says}${fallback === '' ? '' : ` (${fallback})`}`)
    console.log(`  --${'json'.padEnd(12)} one object on the last line`)
    return 0
  }
  const settings: Record<string, string> = {}
  for (const [option, { fallback }] of options) settings[option] = String(values[option] ?? fallback)
  const wrong = options.filter(([option, { fallback }]) => /^\d+$/.test(fallback) && !(Number(settings[option]) > 0))
  if (wrong.length > 0) {
    console.error(wrong.map(([option]) => `--${option} is "${settings[option]}", wanted a number above 0`).join('\n'))
    return 2
  }
  const began = performance.now()
  const { title, rows, figures, remarks = [] } = await bench.run(settings, progress)
  console.log(`\n${title}\n${table(rows)}`)
  for (const remark of remarks) console.log(remark)
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    load: loadavg()[0]!,
    node: process.version,
  }
  const seconds = Math.round((performance.now() - began) / 1000)
  console.log(`${machine.cores} cores, load ${machine.load.toFixed(1)}, Node ${machine.node}, ${seconds} s`)
  if (values['json']) console.log(JSON.stringify({ bench: name, settings, machine, ...figures }))
  return 0
}
