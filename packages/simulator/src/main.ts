// pnpm simulate: writes a market with known truth, events and oracle apart.
import { parseArgs } from 'node:util'
import { type MarketPreset, marketPresets } from './market/parameters.ts'
import { writeMarket } from './market/write.ts'

const help = `pnpm simulate --out DIR [--preset P] [--seed N] [--customers N] [--months M] [--json]

  --out DIR          new or empty folder; events, tables, catalogue, world.json, and oracle/ apart
  --preset P         ${Object.keys(marketPresets).join(', ')} (medium-taste)
  --seed N           one seed, one world (1)
  --customers N      (20000)
  --months M         of thirty days (6)
  --exploration X    share of plan offers drawn at random, the others follow the ladder (0.2)
  --pushes N         sends a month to those who consent (4)
  --upsell N         rows of each upsell table (as many as customers)
  --json             one object on the last line`

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
        pushes: text,
        upsell: text,
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
  const customers = number('customers', 20_000, 1, 10_000_000)
  const options = {
    out: String(values['out']),
    preset: preset as MarketPreset,
    customers,
    seed: number('seed', 1, 0, 2 ** 31 - 1),
    months: number('months', 6, 1, 120),
    exploration: number('exploration', 0.2, 0, 1, false),
    pushesPerMonth: number('pushes', 4, 0, 30, false),
    upsellRows: number('upsell', customers, 0, 10_000_000),
  }
  if (wrong.length > 0) {
    console.error(wrong.join('\n'))
    return 2
  }
  let said = ''
  try {
    const written = await writeMarket({
      ...options,
      progress: (line, share) => {
        if (line === said) return
        said = line
        console.error(`${String(Math.round(100 * share)).padStart(3)} %  ${line}`)
      },
    })
    console.log(
      `${written.events} events of ${customers} customers over ${options.months} months in ${written.seconds.toFixed(1)} s (${written.eventsPerSecond} events/s) in ${options.out}`,
    )
    if (values['json']) console.log(JSON.stringify({ ...options, ...written }))
    return 0
  } catch (error) {
    console.error((error as Error).message)
    return 1
  }
}
