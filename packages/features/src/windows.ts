// Windows slide by bucket: one of n buckets holds every event whose bucket is among the newest n at the moment of
// reading, the bucket under way included. The tail so moves in steps of one bucket. Buckets are UTC; weeks start on Monday.

export const resolutions = ['hour', 'day', 'week', 'month'] as const
export type Resolution = (typeof resolutions)[number]

export type Window = {
  readonly resolution: Resolution
  /** How many buckets, the one under way included. */
  readonly buckets: number
}

const hourMs = 3_600_000
export const dayMs = 24 * hourMs

/** The widest window of each resolution, in buckets. */
const widest: Readonly<Record<Resolution, number>> = { hour: 48, day: 35, week: 13, month: 13 }

export const hours = (n: number): Window => windowOf('hour', n)
export const weeks = (n: number): Window => windowOf('week', n)
/** Calendar months. */
export const months = (n: number): Window => windowOf('month', n)
/** Up to 35 days by day; up to 91 by the weeks that hold them. */
export const days = (n: number): Window => (n <= widest.day ? windowOf('day', n) : windowOf('week', Math.ceil(n / 7)))

function windowOf(resolution: Resolution, buckets: number): Window {
  if (!Number.isInteger(buckets) || buckets < 1 || buckets > widest[resolution])
    throw new RangeError(`a window by ${resolution} holds 1 to ${widest[resolution]} of them, not ${buckets}`)
  return { resolution, buckets }
}

/** The buckets a moment lies in, in the order of `resolutions`. */
export type Buckets = readonly [hour: number, day: number, week: number, month: number]

export function bucketsAt(at: number): Buckets {
  const day = Math.floor(at / dayMs)
  return [Math.floor(at / hourMs), day, Math.floor((day + 3) / 7), monthOfDay(day)]
}

/** When a bucket begins; `resolution` is an index among `resolutions`. */
export function startOf(bucket: number, resolution: number): number {
  switch (resolutions[resolution]!) {
    case 'hour':
      return bucket * hourMs
    case 'day':
      return bucket * dayMs
    case 'week':
      return (bucket * 7 - 3) * dayMs
    case 'month':
      return Date.UTC(1970, bucket, 1)
  }
}

/** Months since January 1970 of a day since the epoch. Source: Howard Hinnant, chrono-compatible low-level date algorithms. */
function monthOfDay(day: number): number {
  const shifted = day + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  return (yearOfEra + era * 400 - 1_970) * 12 + fromMarch + 2
}
