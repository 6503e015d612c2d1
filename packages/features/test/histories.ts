import type { CustomerEvent, ItemStamp } from '@offerstream/contracts'
import fc from 'fast-check'

// Histories that cross window edges, a leap day and a change of the clocks, with late events, repeats and retractions.

const day = 86_400_000
/** Nine days before 29 February 2024. */
const start = Date.UTC(2024, 1, 20)
const spanDays = 400

const moment = fc.oneof(
  fc.integer({ min: 0, max: spanDays * day }),
  fc.integer({ min: 0, max: spanDays }).map(days => days * day),
  fc.integer({ min: 0, max: 40 * day }).map(ms => spanDays * day - ms),
)
const stamp = fc.option(
  fc.record<ItemStamp>({
    known: fc.boolean(),
    kind: fc.constantFrom('plan', 'package', ''),
    serviceType: fc.constantFrom('mobile-data', 'voice'),
    category: fc.constant('any'),
    brand: fc.constant('main'),
    recurring: fc.boolean(),
    validityDays: fc.constant(null),
    listPriceMinor: fc.constant(null),
    quotaKb: fc.option(fc.integer({ min: 1, max: 1_000_000 })),
  }),
)
const head = { id: fc.constant(''), customer: fc.constant('c-1'), at: moment.map(ms => start + ms) }
const money = fc.integer({ min: 0, max: 100_000 })

const body: fc.Arbitrary<CustomerEvent['event']> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      ...head,
      type: fc.constant('usage' as const),
      kind: fc.constantFrom('data' as const, 'voice' as const, 'text' as const),
      dataKb: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 40 })),
      seconds: fc.integer({ min: 0, max: 10_000 }),
      texts: fc.integer({ min: 0, max: 3 }),
      overageMinor: fc.oneof(fc.constant(0), money),
      roaming: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      ...head,
      type: fc.constant('purchase' as const),
      item: fc.constantFrom('plan-s', 'package-1'),
      quantity: fc.integer({ min: 1, max: 3 }),
      priceMinor: money,
      currency: fc.constant('EUR'),
      channel: fc.constantFrom('app', 'shop'),
      offer: fc.constant(null),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      ...head,
      type: fc.constant('engagement' as const),
      kind: fc.constantFrom('displayed' as const, 'opened' as const, 'rejected' as const, 'app_opened' as const),
      surface: fc.constant('push' as const),
      offer: fc.constant(null),
      item: fc.option(fc.integer({ min: 0, max: 11 }).map(n => `item-${n}`)),
      interaction: fc.constant(null),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...head,
      type: fc.constant('delivery' as const),
      offer: fc.constant('offer'),
      item: fc.constant('package-1'),
      channel: fc.constant('push'),
      provider: fc.constant(null),
      state: fc.constantFrom('decided' as const, 'displayed' as const, 'clicked' as const, 'rejected' as const),
      reason: fc.constant(null),
      device: fc.constant(null),
      trigger: fc.constant('purchase'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...head,
      type: fc.constant('customer' as const),
      plan: fc.option(fc.constantFrom('plan-s', 'plan-m')),
      customerSince: fc.option(fc.integer({ min: 0, max: start })),
      bindingEndsAt: fc.option(fc.integer({ min: start, max: start + spanDays * day })),
      bundle: fc.boolean(),
      monthlyChargeMinor: money,
      currency: fc.constant('EUR'),
      brand: fc.constant('main'),
      ageBand: fc.option(fc.constant('25-34')),
      zone: fc.constant('Europe/Berlin'),
      locale: fc.constant('de-DE'),
      segment: fc.constant(null),
      consent: fc.constantFrom<Record<string, boolean>>(
        { push: true, 'push/sales': false },
        { a: true, push: true },
        {},
      ),
      devices: fc.constantFrom<string[]>([], ['device-1', 'device-2']),
    }),
  },
)

type Draw = {
  readonly event: CustomerEvent['event']
  readonly stamp: ItemStamp | null
  /** How long after the last one it was journalled. */
  readonly pause: number
  /** Whether a purchase is taken back by the next event, whether the next one repeats this one. */
  readonly retracted: boolean
  readonly repeated: boolean
}

const draw: fc.Arbitrary<Draw> = fc.record({
  event: body,
  stamp,
  pause: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: day })),
  retracted: fc.boolean(),
  repeated: fc.integer({ min: 0, max: 5 }).map(n => n === 0),
})

const history = (options: { readonly repeats: boolean; readonly longest: number }): fc.Arbitrary<CustomerEvent[]> =>
  fc.array(draw, { maxLength: options.longest, size: 'max' }).map(draws => {
    const events: CustomerEvent[] = []
    let journalledAt = start + spanDays * day
    for (const [i, { event, stamp: item, pause, retracted, repeated }] of draws.entries()) {
      journalledAt += pause
      const envelope = { journalledAt, triggers: true, item, event: { ...event, id: `e-${i}` } } as CustomerEvent
      events.push(envelope)
      if (event.type === 'purchase' && retracted) {
        const { offer: _offer, ...purchase } = event
        events.push({
          ...envelope,
          event: {
            ...purchase,
            type: 'purchase_retracted',
            id: `r-${i}`,
            purchase: `e-${i}`,
            purchasedAt: event.at,
            at: event.at + day,
          },
        })
      }
      if (repeated && options.repeats)
        events.push({ ...envelope, journalledAt: journalledAt + 1 + Math.floor(pause / 2) })
    }
    return events
  })

/** One customer's journal, no id twice. */
export const histories = history({ repeats: false, longest: 250 })
/** With a producer's repeats among them. */
export const historiesWithRepeats = history({ repeats: true, longest: 120 })

/** Any other order of the same things. */
export const shuffled = <T>(values: readonly T[]): fc.Arbitrary<T[]> =>
  fc.shuffledSubarray([...values], { minLength: values.length, maxLength: values.length })

/** Throws on any later change to what is given. */
export function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const part of Object.values(value)) frozen(part)
  }
  return value
}
