import { createRandom, type Random } from '../random.ts'

/** The 300 packages and the latent classes whose mixture buys them. Fixed: the same in every world. */
export type MarketPackage = {
  readonly name: string
  /** Of month 0. */
  readonly basePriceMinor: number
  readonly serviceType: (typeof serviceTypes)[number]
  readonly recurring: boolean
  readonly quotaGb: number
  readonly speedMbps: number
  readonly validityDays: number
}

const serviceTypes = ['mobile-data', 'streaming', 'roaming', 'voice', 'social'] as const
export const packageClasses = 8

const quotas = [0.5, 1, 2, 3, 5, 8, 12, 20, 35, 60] as const
const validities = [1, 7, 30] as const

/** Every service type in ten sizes and three validities, once and recurring. */
export const marketPackages: readonly MarketPackage[] = serviceTypes.flatMap((serviceType, type) =>
  quotas.flatMap((quotaGb, size) =>
    validities.flatMap((validityDays, length) =>
      [false, true].map(recurring => ({
        name: `${serviceType}-${quotaGb}-${validityDays}d${recurring ? '-recurring' : ''}`,
        basePriceMinor: Math.round(
          (120 + 180 * quotaGb ** 0.75 * [1, 0.8, 2.2, 0.6, 0.7][type]!) *
            [0.6, 0.85, 1][length]! *
            (recurring ? 0.85 : 1),
        ),
        serviceType,
        recurring,
        quotaGb,
        speedMbps: size < 4 ? 50 : size < 7 ? 150 : 300,
        validityDays,
      })),
    ),
  ),
)

/** Popularity of a package in the market, and what each class adds to it: attributes it likes, and whims. */
const { popularity, liking } = tastesOfClasses()

function tastesOfClasses() {
  const random = createRandom().seed(300, packageClasses, 1)
  const count = marketPackages.length
  const popularity = Float64Array.from({ length: count }, () => 0.8 * random.normal())
  const liking = Array.from({ length: packageClasses }, () => {
    const service = Float64Array.from(serviceTypes, () => 1.2 * random.normal())
    const size = 0.6 * random.normal()
    const recurring = 0.8 * random.normal()
    const length = 0.5 * random.normal()
    return Float64Array.from(
      marketPackages,
      item =>
        service[serviceTypes.indexOf(item.serviceType)]! +
        size * Math.log(item.quotaGb / 4) +
        (item.recurring ? recurring : 0) +
        length * Math.log(item.validityDays / 7) +
        0.5 * random.normal(),
    )
  })
  return { popularity, liking }
}

/** Share of purchases that each package has in a class in a month: softmax of popularity, liking and season. Sums to 1. */
export function packageShares(packageClass: number, month: number, classWeight: number): Float64Array {
  const shares = marketPackages.map((item, j) =>
    Math.exp(popularity[j]! + classWeight * liking[packageClass]![j]! + season(item.serviceType, month)),
  )
  const sum = shares.reduce((total, share) => total + share, 0)
  return Float64Array.from(shares, share => share / sum)
}

/** Months begin in January: abroad in summer, at home with films in winter. */
function season(serviceType: MarketPackage['serviceType'], month: number): number {
  const summer = -Math.cos((2 * Math.PI * month) / 12)
  return serviceType === 'roaming' ? 0.7 * summer : serviceType === 'streaming' ? -0.25 * summer : 0
}

/** Concentration of the Dirichlet noise within a class. */
const concentration = 6
/** What the urn remembers of a customer's draws. */
const drawsKept = 12

/** Each customer's mixture of two classes, how much they buy, and their urn. */
export type PackageTaste = {
  readonly main: Uint8Array
  readonly second: Uint8Array
  /** Of the main class, from 0.5 to 1. */
  readonly share: Float32Array
  readonly perMonth: Float32Array
  /** Flat, `drawsKept` each, the newest overwriting the oldest. */
  readonly draws: Int16Array
  readonly drawn: Uint8Array
}

export function createPackageTaste(customers: number): PackageTaste {
  return {
    main: new Uint8Array(customers),
    second: new Uint8Array(customers),
    share: new Float32Array(customers),
    perMonth: new Float32Array(customers),
    draws: new Int16Array(customers * drawsKept),
    drawn: new Uint8Array(customers),
  }
}

/** `wealth` is the standardised log income: it moves classes and amounts, so that some segments spend more. */
export function drawPackageTaste(taste: PackageTaste, customer: number, wealth: number, random: Random): void {
  const place = Math.floor(packageClasses * random.next() + 1.2 * wealth)
  taste.main[customer] = Math.min(packageClasses - 1, Math.max(0, place))
  taste.second[customer] = Math.floor(packageClasses * random.next())
  taste.share[customer] = 0.5 + 0.5 * Math.sqrt(random.next())
  taste.perMonth[customer] = 1.2 * Math.exp(0.6 * random.normal() + 0.25 * wealth - 0.18)
}

/**
 * One purchase: a repeat of an own draw with probability n/(n + concentration), else a fresh one of the class. Drawing so
 * is drawing from shares with Dirichlet noise about the class's (Blackwell and MacQueen, 1973), without keeping 300 numbers
 * a customer; beyond the draws kept the urn forgets.
 */
export function drawPackage(
  taste: PackageTaste,
  customer: number,
  cumulated: readonly Float64Array[],
  random: Random,
): number {
  const from = customer * drawsKept
  const count = taste.drawn[customer]!
  const kept = Math.min(count, drawsKept)
  let item: number
  if (random.next() * (kept + concentration) < kept) item = taste.draws[from + Math.floor(kept * random.next())]!
  else {
    const main = random.next() < taste.share[customer]!
    item = inverse(cumulated[main ? taste.main[customer]! : taste.second[customer]!]!, random.next())
  }
  taste.draws[from + (count % drawsKept)] = item
  // Counts in a byte: what matters beyond the draws kept is the place in the ring.
  taste.drawn[customer] = count + 1 < 2 * drawsKept ? count + 1 : drawsKept
  return item
}

export function cumulate(shares: Float64Array): Float64Array {
  let sum = 0
  return shares.map(share => {
    sum += share
    return sum
  })
}

/** First place whose cumulated share exceeds u. */
function inverse(cumulated: Float64Array, u: number): number {
  let low = 0
  let high = cumulated.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (cumulated[middle]! > u) high = middle
    else low = middle + 1
  }
  return low
}
