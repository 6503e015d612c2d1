import { placeOf } from './place.ts'

/** What a customer's months are drawn from, lognormal: the median and the deviation of the log. */
export type Need = {
  readonly dataKb: number
  readonly sd: number
  /** A month's data at the pace of the window; NaN where nobody knows. */
  readonly dataKb3m: number
  readonly dataKb12m: number
}

/**
 * The need from the windows a vector carries. The mean is the pace over the widest window that the record is known to
 * fill, which it is where the next wider one holds more: a young record would be divided by months nobody saw. The spread
 * is what the peak month says, weighed against what is usual. Null where nothing was used.
 */
export function monthlyNeed(vector: readonly number[], customerSince: number | null, at: number): Need | null {
  const [sum3, sum6, sum12] = [vector[mb3]!, vector[mb6]!, vector[mb12]!]
  const last30 = vector[mb30]!
  const pace = (sum: number, months: number): number => {
    const days = Math.min(daysInto(at, months), customerSince === null ? Infinity : (at - customerSince) / dayMs)
    return days >= 1 ? sum * (30 / days) : Number.NaN
  }
  const [pace3, pace6, pace12] = [pace(sum3, 3), pace(sum6, 6), pace(sum12, 12)]
  const mean = sum12 > sum6 ? pace6 : sum6 > sum3 ? pace3 : last30
  if (!(mean > 0)) return null
  const spread = Math.max(0, Math.log(Math.max(vector[peak12]!, 1e-6) / mean)) / peakDeviations
  const sd = Math.sqrt((usualSd ** 2 * usualWeight + spread ** 2) / (usualWeight + 1))
  return { dataKb: mean * 1024 * Math.exp(-(sd ** 2) / 2), sd, dataKb3m: pace3 * 1024, dataKb12m: pace12 * 1024 }
}

/**
 * Mean of what a month's use exceeds an allowance by, kB: the undiscounted call with the allowance as strike (Black and
 * Scholes, The Pricing of Options and Corporate Liabilities, 1973).
 */
export function overageBeyond(allowanceKb: number, { dataKb, sd }: Need): number {
  if (allowanceKb <= 0) return dataKb * Math.exp(sd ** 2 / 2)
  const distance = Math.log(dataKb / allowanceKb) / sd
  return Math.max(0, dataKb * Math.exp(sd ** 2 / 2) * normal(distance + sd) - allowanceKb * normal(distance))
}

/** Days from the start of the window of calendar months, the one under way included, until now. */
function daysInto(at: number, months: number): number {
  const now = new Date(at)
  return (at - Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months + 1)) / dayMs
}

/** The standard normal's distribution, Abramowitz and Stegun (1964) 26.2.17: error below 7.5e-8. */
function normal(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x))
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  const tail = (series * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI)
  return x >= 0 ? 1 - tail : tail
}

const dayMs = 86_400_000
/** Deviation of a log month about its need, and how many months' worth of evidence that is. */
const usualSd = 0.5
const usualWeight = 2
/** The largest of six to twelve normals lies so many deviations above their mean. */
const peakDeviations = 1.4

const mb30 = placeOf('data_mb_30d')
const mb3 = placeOf('data_mb_3m')
const mb6 = placeOf('data_mb_6m')
const mb12 = placeOf('data_mb_12m')
const peak12 = placeOf('data_mb_peak_12m')
