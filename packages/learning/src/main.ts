// Writes the choice table of a simulated market, for fits and judges.
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { type MarketPreset, marketPresets, type Preset } from '@offerstream/simulator'
import { writeOperator, writeWorld } from './write-world.ts'

const help = `node packages/learning/src/main.ts --out DIR [--preset P] [--seed N] [--customers N] [--months M] [--json]

  --out DIR            new or empty folder: the choice table, columns.json, and oracle/ for judges alone
  --preset P           ${Object.keys(marketPresets).join(', ')} (medium-taste)
  --seed N             one seed, one world (1)
  --customers N        (20000)
  --months M           of thirty days (8)
  --exploration X      share of plan offers drawn at random, the others follow the ladder (0.2)
  --keep-from-month M  rows from this month on, states from the start (0)
  --sample X           share of customers that are followed (1)
  --threads N          (one for each processor); the rows are the same
  --operator P         instead the small operator of the demo: lively, standard or hard; all its offers are drawn at random
  --activity X         of the operator: share of the usual events (1)
  --json               one object on the last line`

process.exitCode = await main()

async function main(): Promise<number> {
  let values: Record<string, string | boolean | undefined>
  try {
    const text = { type: 'string' } as const
    const flag = { type: 'boolean' } as const
    values = parseArgs({
      options: {
        out: text,
        preset: text,
        seed: text,
        customers: text,
        months: text,
        exploration: text,
        'keep-from-month': text,
        sample: text,
        threads: text,
        operator: text,
        activity: text,
        json: flag,
        help: flag,
      },
    }).values
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${help}`)
    return 2
  }
  if (values['help']) {
    console.log(help)
    return 0
  }
  const wrong: string[] = []
  const number = (name: string, fallback: number, low: number, high: number, whole = true): number => {
    const given = values[name]
    const read = given === undefined ? fallback : Number(given)
    if (!(read >= low && read <= high && (!whole || Number.isInteger(read))) || given === '')
      wrong.push(`--${name} is "${given}", wanted a ${whole ? 'whole ' : ''}number from ${low} to ${high}`)
    return read
  }
  const preset = String(values['preset'] ?? 'medium-taste')
  if (!Object.hasOwn(marketPresets, preset))
    wrong.push(`--preset is "${preset}", wanted one of ${Object.keys(marketPresets).join(', ')}`)
  if (!values['out']) wrong.push('--out is missing, wanted a new or empty folder')
  const months = number('months', 8, 1, 120)
  const operator = values['operator']
  if (operator !== undefined && !['lively', 'standard', 'hard'].includes(String(operator)))
    wrong.push(`--operator is "${operator}", wanted lively, standard or hard`)
  const activity = number('activity', 1, 0.01, 10, false)
  const threads = number('threads', availableParallelism(), 1, 64)
  const options = {
    out: String(values['out']),
    preset: preset as MarketPreset,
    seed: number('seed', 1, 0, 2 ** 31 - 1),
    customers: number('customers', 20_000, 1, 10_000_000),
    months,
    exploration: number('exploration', 0.2, 0, 1, false),
    keepFromMonth: number('keep-from-month', 0, 0, months - 1),
    sample: number('sample', 1, 0, 1, false),
  }
  if (wrong.length > 0) {
    console.error(wrong.join('\n'))
    return 2
  }
  try {
    const began = performance.now()
    const progress = (line: string, share: number): void =>
      console.error(`${String(Math.round(100 * share)).padStart(3)} %  ${line}`)
    const { out, seed, customers } = options
    const counts =
      operator === undefined
        ? await writeWorld({ ...options, threads, progress })
        : await writeOperator({
            ...{ out, progress, seed, customers, months, activity },
            ...{ preset: operator as Preset, start: Date.UTC(2025, 0, 6) },
          })
    const seconds = (performance.now() - began) / 1000
    console.log(
      `${counts.rows} rows, ${counts.offers} offers with ${counts.accepted} accepted, ${counts.organic} unasked purchases in ${seconds.toFixed(1)} s in ${options.out}`,
    )
    if (values['json'])
      console.log(
        JSON.stringify({
          ...(operator === undefined ? options : { operator, activity, seed, customers, months, out }),
          ...counts,
          seconds,
        }),
      )
    return 0
  } catch (error) {
    console.error((error as Error).message)
    return 1
  }
}
