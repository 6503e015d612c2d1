import type { Purchase, Usage } from '@offerstream/contracts'
import { packages } from './catalogue.ts'
import { purposeSteady } from './population.ts'
import { createRandom } from './random.ts'

export type SteadyOptions = {
  readonly seed: number
  /** Distinct customers, taken in turn. */
  readonly customers: number
  readonly start: number
  /** Between two events, milliseconds of event time; fractions are kept. */
  readonly intervalMs: number
  /** Share of events that are package purchases, and so fire a trigger. */
  readonly triggerShare?: number
}

/** An endless even stream for load tests: no economics, known shares, distinct ids. */
export function* steady(options: SteadyOptions): Generator<Purchase | Usage> {
  const { seed, customers, start, intervalMs, triggerShare = 0.1 } = options
  const random = createRandom().seed(seed, customers, purposeSteady)
  const names = Array.from({ length: customers }, (_, i) => `c${String(i).padStart(7, '0')}`)
  let due = 0
  for (let n = 0; ; n++) {
    // Each round begins one further on, so that a share that divides the round does not always meet the same customers.
    const customer = names[(n + Math.floor(n / customers)) % customers]!
    const at = start + Math.floor(n * intervalMs)
    const id = `s${seed}/${n.toString(36)}`
    due += triggerShare
    if (due >= 1 - 1e-9) {
      due -= 1
      const item = packages[Math.floor(random.next() * packages.length)]!
      yield {
        type: 'purchase',
        id,
        customer,
        at,
        item: item.name,
        quantity: 1,
        priceMinor: item.priceMinor,
        currency: item.currency,
        channel: 'app',
        offer: null,
      }
    } else {
      const voice = random.next() < 0.25
      yield {
        type: 'usage',
        id,
        customer,
        at,
        kind: voice ? 'voice' : 'data',
        dataKb: voice ? 0 : 1 + Math.floor(40_000 * random.next()),
        seconds: voice ? 1 + Math.floor(300 * random.next()) : 0,
        texts: 0,
        overageMinor: 0,
        roaming: false,
      }
    }
  }
}
