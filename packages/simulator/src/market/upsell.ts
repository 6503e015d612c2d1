import { createRandom, type Random } from '../random.ts'
import { normalCdf, sigmoid } from './choice.ts'
import { purposes } from './purposes.ts'
import { createTable, type Table } from './table.ts'
import type { TableColumns } from './topics.ts'

/** `A` is the law of a public generator; in `B` and `C` need and price history are to be seen; in `null` nothing says anything. */
export type UpsellPreset = 'A' | 'B' | 'C' | 'null'

const months = 12

/** One row per customer; who bought within 90 days. Missing is NaN. */
export const upsellColumns = {
  row: 'i32',
  age: 'f32',
  tenureDays: 'f32',
  /** Days of the binding left; negative since it ended. */
  bindingDays: 'f32',
  bundle: 'u8',
  availableGb: 'f32',
  priceMinor: 'f32',
  device: ['ios', 'android', 'android-low', 'other'],
  channel: ['app', 'web', 'shop', 'call-centre'],
  complaints: 'f32',
  questions: 'f32',
  /** GB used and price paid in each of the last twelve months, the oldest first. */
  ...(Object.fromEntries(
    Array.from({ length: months }, (_, m) => [
      [`usedGb${m + 1}`, 'f32'],
      [`paidMinor${m + 1}`, 'f32'],
    ]).flat(),
  ) as Record<`usedGb${MonthOfYear}` | `paidMinor${MonthOfYear}`, 'f32'>),
  bought: 'u8',
} as const satisfies TableColumns

type MonthOfYear = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12

/** The judge's: the probability of buying given everything that the row shows. */
const upsellOracle = { row: 'i32', bayes: 'f64' } as const satisfies TableColumns

export type Upsell = {
  readonly rows: Table<typeof upsellColumns>
  readonly oracle: Table<typeof upsellOracle>
}

/** Share of positives. */
const positives = 0.0705

/** Draws `rows` rows from `from` on; row numbers and seed alone say what a row holds, so pieces add up to the whole. */
export function upsellRows(preset: UpsellPreset, seed: number, rows: number, from = 0): Upsell {
  const table = createTable(upsellColumns, rows)
  const oracle = createTable(upsellOracle, rows)
  const random = createRandom()
  for (let k = 0; k < rows; k++) {
    random.seed(seed, from + k, purposes.upsell)
    table.rows = oracle.rows = k + 1
    table.columns.row[k] = oracle.columns.row[k] = from + k
    const p =
      preset === 'A' || preset === 'null' ? publicLaw(table, k, random, preset) : needLaw(table, k, random, preset)
    oracle.columns.bayes[k] = p
    table.columns.bought[k] = random.next() < p ? 1 : 0
  }
  return { rows: table, oracle }
}

/** Brings the mean of the public law's sum of weights, 0.4316, to the share of positives. */
const publicScale = positives / 0.4316

function publicLaw(table: Upsell['rows'], k: number, random: Random, preset: 'A' | 'null'): number {
  const { columns: c } = table
  const u = random.next()
  const age = u < 0.8 ? 45 + 7 * random.normal() : u < 0.95 ? 18 + 16 * random.next() : 75 + 25 * random.next()
  c.age[k] = Math.min(100, Math.max(18, age))
  c.tenureDays[k] = Math.floor(random.next() < 0.75 ? 7 + 1088 * random.next() : 1096 + 729 * random.next())
  const tenure = c.tenureDays[k]!
  do c.bindingDays[k] = Math.floor(-730 + (731 + Math.min(730, tenure - 1)) * random.next())
  while (Math.abs(c.bindingDays[k]!) >= tenure)
  c.bundle[k] = random.next() < 0.3 ? 1 : 0
  const gb = Math.floor(7 * random.next())
  c.availableGb[k] = gb === 6 ? Number.NaN : 10 * gb
  c.priceMinor[k] = Math.round(500 + (6500 / 49) * Math.floor(50 * random.next()))
  noise(table, k, random)
  if (preset === 'null') return positives
  return (
    publicScale *
    (0.2 * +(c.age[k]! < 45) +
      0.15 * +(tenure >= 300 && tenure <= 1460) +
      0.1 * +(c.bindingDays[k]! < 60) +
      0.1 * c.bundle[k]! +
      0.2 * +(c.availableGb[k]! <= 20) +
      0.1 * +(c.priceMinor[k]! < 3500))
  )
}

/** Usage, prices paid and contacts that say nothing. */
function noise(table: Upsell['rows'], k: number, random: Random): void {
  const { columns: c } = table
  c.device[k] = Math.floor(4 * random.next())
  c.channel[k] = Math.floor(4 * random.next())
  c.complaints[k] = random.poisson(0.3)
  c.questions[k] = random.poisson(0.8)
  for (let m = 0; m < months; m++) {
    used(c, m)[k] = Math.exp(1.6 + random.normal())
    paid(c, m)[k] = Math.round(500 + 6500 * random.next())
  }
}

const usedNames = Array.from({ length: months }, (_, m) => `usedGb${m + 1}` as 'usedGb1')
const paidNames = Array.from({ length: months }, (_, m) => `paidMinor${m + 1}` as 'paidMinor1')
const used = (columns: Upsell['rows']['columns'], month: number) => columns[usedNames[month]!]
const paid = (columns: Upsell['rows']['columns'], month: number) => columns[paidNames[month]!]

/**
 * Buying grows with how far the need outruns the quota, with growth of need, with the end of the binding, with contacts
 * asking, and falls with how much dearer the own plan became; every term is to be seen in the row but the GB where they are
 * missing. Strength and level were solved once, for the AUC and the share of positives.
 */
const needPresets = {
  B: { strength: 1.309, level: -2.448, missingByNeed: 0 },
  C: { strength: 2.613, level: -2.896, missingByNeed: 0.25 },
} as const

const gbSteps = [0, 10, 20, 30, 40, 50] as const

function needLaw(table: Upsell['rows'], k: number, random: Random, preset: 'B' | 'C'): number {
  const { columns: c } = table
  const { strength, level, missingByNeed } = needPresets[preset]
  const need = 2.6 + 0.8 * random.normal()
  const growth = 0.04 * random.normal()
  c.age[k] = Math.min(100, Math.max(18, Math.round(45 - 6 * (need - 2.6) + 13 * random.normal())))
  c.tenureDays[k] = Math.floor(7 + 1818 * random.next())
  c.bindingDays[k] = Math.floor(-365 + 730 * random.next())
  c.bundle[k] = random.next() < 0.3 ? 1 : 0
  c.device[k] = Math.floor(4 * random.next())
  c.channel[k] = Math.floor(4 * random.next())
  c.complaints[k] = random.poisson(0.3)
  c.questions[k] = random.poisson(0.8)
  for (let m = 0; m < months; m++) used(c, m)[k] = Math.exp(need + growth * (m - 5.5) + 0.45 * random.normal())
  const price = 900 * Math.exp(0.5 * random.normal() + 0.3 * (need - 2.6)) + 600
  const rise = 0.01 + 0.04 * random.next()
  for (let m = 0; m < months; m++) paid(c, m)[k] = Math.round(price * (1 + rise) ** (m - (m % 3)))
  c.priceMinor[k] = paid(c, months - 1)[k]!
  const seen = sightOf(table, k)
  // What the plan holds was chosen to fit the usage that is seen, loosely.
  const chances = gbChances(seen.level)
  const step = pick(chances, random.next())
  const missing = gbSteps.map(gb => missingChance(c.device[k]!, c.channel[k]!, missingByNeed, gb))
  const oddsOf = (gb: number): number => level + strength * pull(seen, gb, c, k)
  if (random.next() >= missing[step]!) {
    c.availableGb[k] = gbSteps[step]!
    return sigmoid(oddsOf(gbSteps[step]!))
  }
  c.availableGb[k] = Number.NaN
  // Bayes over what the GB may have been, given that they are missing. The label is drawn from this very mean, which is
  // the same as drawing it from the true GB and forgetting them.
  let weight = 0
  let sum = 0
  gbSteps.forEach((gb, s) => {
    const w = chances[s]! * missing[s]!
    weight += w
    sum += w * sigmoid(oddsOf(gb))
  })
  return sum / weight
}

type Sight = { readonly level: number; readonly trend: number; readonly dearer: number }

/** Level and trend of the log usage of the year, and how much dearer the plan became in it. */
function sightOf(table: Upsell['rows'], k: number): Sight {
  let level = 0
  let trend = 0
  for (let m = 0; m < months; m++) {
    const log = Math.log(used(table.columns, m)[k]!)
    level += log / months
    // Least squares on twelve equidistant months: the squares about their middle sum to 143.
    trend += ((m - 5.5) * log) / 143
  }
  const { columns: c } = table
  return { level, trend, dearer: Math.log(paid(c, months - 1)[k]! / paid(c, 0)[k]!) }
}

function pull(seen: Sight, gb: number, c: Upsell['rows']['columns'], k: number): number {
  return (
    1.0 * (seen.level - Math.log(gb + 5)) +
    8 * seen.trend -
    1.5 * seen.dearer +
    0.5 * +(c.bindingDays[k]! < 60) +
    0.3 * Math.min(3, c.questions[k]!) -
    0.3 * Math.min(3, c.complaints[k]!)
  )
}

/** Chances of each GB step: the usage seen, off by a normal of 0.5 on the log, between the steps' middles. */
function gbChances(level: number): readonly number[] {
  let below = 0
  return gbSteps.map((gb, s) => {
    const to = s === gbSteps.length - 1 ? 1 : normalCdf((Math.log(gb + 5) - level - 0.2) / 0.5)
    const chance = to - below
    below = to
    return chance
  })
}

function pick(chances: readonly number[], u: number): number {
  let sum = 0
  for (let s = 0; s < chances.length; s++) {
    sum += chances[s]!
    if (u < sum) return s
  }
  return chances.length - 1
}

const missingChance = (device: number, channel: number, byNeed: number, gb: number): number =>
  0.05 + 0.08 * device + (channel === 2 ? 0.12 : 0) + byNeed * (gb / 50)
