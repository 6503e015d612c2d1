// The hour in which a customer answers best, learned from what came of earlier pushes.
import { unit } from '@offerstream/contracts'
import type { QuietClock } from './quiet-hours.ts'
import type { Hours } from './response-hours.ts'
import type { SendHour } from './send-hour.ts'

const hourMs = 60 * 60 * 1000
/** Clicks that an hour must have had to be expected for it to be known: its rate is then uncertain by a tenth. */
const clicksByDefault = 100
/** An offer is worth most when it is set off: so many times likelier must a click be for it to wait. */
const gain = 1.25
/** Imagined clicks as many as expected, which draw what was counted to it: of everybody's hours, and of one customer's. */
const ofCohort = 50
const ofCustomer = 20

/**
 * Waits for the hour in which a click is likeliest, if that is clearly likelier than now and all of it lies before the
 * offer expires; within it at a moment of the offer's own. Null, which means now, while no hour is known well enough.
 *
 * How much likelier clicks are in an hour is (counted + s) / (expected + s): first everybody's against the mean of all
 * hours, then the customer's own against everybody's. It is the mean of a Gamma(s, s) prior after Poisson counts, as in
 * Clayton & Kaldor 1987, Empirical Bayes estimates of age-standardized relative risks, Biometrics 43.
 */
export const learnedHours =
  (clock: QuietClock, clicks: number = clicksByDefault): SendHour =>
  ({ zone }, offer, now, { own, cohort }) => {
    const here = clock.hourAt(zone, now)
    if (here === null) throw new RangeError('the zone is unknown')
    const mean = meanOf(cohort)
    const expected = ofHours(cohort, hour => hour.sent * mean)
    const known = [...expected.keys()].filter(hour => expected.get(hour)! >= clicks)
    if (known.length === 0) return null
    const liking = likingOf(cohort, own, mean, expected)
    const better = known
      .filter(hour => hour !== here && liking(hour) >= gain * liking(here))
      .sort((a, b) => liking(b) - liking(a))
    for (const hour of better) {
      const begins = clock.opensAt({ fromHour: (hour + 1) % 24, toHour: hour }, zone, now)
      if (begins + hourMs <= offer.expiresAt) return begins + Math.floor(unit(`hour/${offer.id}`) * hourMs)
    }
    return now
  }

/** How much likelier this customer's click is in an hour than in a mean one. */
function likingOf(
  cohort: Hours,
  own: Hours,
  mean: number,
  expected: ReadonlyMap<number, number>,
): (hour: number) => number {
  const clicked = ofHours(cohort, hour => hour.clicked)
  const ofAll = (hour: number) => shrunk(clicked.get(hour) ?? 0, expected.get(hour) ?? 0, ofCohort)
  const mine = ofHours(own, hour => hour.clicked)
  const ofMine = ofHours(own, ({ hour, sent }) => sent * mean * ofAll(hour))
  // Who clicks often does so at any hour.
  const often = shrunk(sumOf(mine), sumOf(ofMine), ofCustomer)
  return hour => ofAll(hour) * shrunk(mine.get(hour) ?? 0, (ofMine.get(hour) ?? 0) * often, ofCustomer)
}

const shrunk = (counted: number, expected: number, by: number): number => (counted + by) / (expected + by)

const ofHours = (hours: Hours, value: (each: Hours[number]) => number): ReadonlyMap<number, number> =>
  new Map(hours.map(each => [each.hour, value(each)]))

const sumOf = (values: ReadonlyMap<number, number>): number => [...values.values()].reduce((sum, each) => sum + each, 0)

/** Clicks a push, over all hours; 0 where nothing was sent. */
const meanOf = (hours: Hours): number =>
  sumOf(ofHours(hours, hour => hour.clicked)) / Math.max(1, sumOf(ofHours(hours, hour => hour.sent)))
