import { purposeDisturb } from './population.ts'
import { createRandom } from './random.ts'

export type Disturbance = {
  readonly seed: number
  /** Share of events that arrive late, and by how much at most, milliseconds. */
  readonly lateShare?: number
  readonly maxLateMs?: number
  /** Share of events that arrive a second time, and how much later at most. */
  readonly repeatShare?: number
  readonly maxRepeatMs?: number
  /** Every arrival is off by up to this, so that neighbours change places. */
  readonly jitterMs?: number
}

export type Arrival<Event> = {
  readonly arrivesAt: number
  readonly repeat: boolean
  readonly event: Event
}

/**
 * Events in the order in which they arrive: some late, some twice, neighbours swapped. Nothing is lost or changed, so
 * the undisturbed events stay the truth. Needs events in order of time; memory holds what is on its way.
 */
export function* arrivals<Event extends { readonly at: number }>(
  events: Iterable<Event>,
  options: Disturbance,
): Generator<Arrival<Event>> {
  const {
    lateShare = 0.02,
    maxLateMs = 6 * 3_600_000,
    repeatShare = 0.01,
    maxRepeatMs = 3_600_000,
    jitterMs = 0,
  } = options
  const random = createRandom().seed(options.seed, 0, purposeDisturb)
  const waiting = createHeap<Event>()
  let order = 0
  for (const event of events) {
    // An arrival is never before its event, so everything that waits for less has its turn.
    while (waiting.size() > 0 && waiting.top().arrival.arrivesAt <= event.at) yield waiting.pop()
    let arrivesAt = event.at + (jitterMs > 0 ? Math.floor(random.next() * jitterMs) : 0)
    if (random.next() < lateShare) arrivesAt += 1 + Math.floor(random.next() * maxLateMs)
    waiting.push({ order: order++, arrival: { arrivesAt, repeat: false, event } })
    if (random.next() < repeatShare)
      waiting.push({
        order: order++,
        arrival: { arrivesAt: arrivesAt + 1 + Math.floor(random.next() * maxRepeatMs), repeat: true, event },
      })
  }
  while (waiting.size() > 0) yield waiting.pop()
}

/** `arrivals` without its notes. */
export function* disturb<Event extends { readonly at: number }>(
  events: Iterable<Event>,
  options: Disturbance,
): Generator<Event> {
  for (const arrival of arrivals(events, options)) yield arrival.event
}

type Waiting<Event> = { readonly order: number; readonly arrival: Arrival<Event> }

/** Binary heap by arrival, then by order of entry. */
function createHeap<Event>() {
  const items: Waiting<Event>[] = []
  const before = (a: number, b: number): boolean => {
    const x = items[a]!
    const y = items[b]!
    return x.arrival.arrivesAt !== y.arrival.arrivesAt ? x.arrival.arrivesAt < y.arrival.arrivesAt : x.order < y.order
  }
  const swap = (a: number, b: number): void => {
    const held = items[a]!
    items[a] = items[b]!
    items[b] = held
  }
  return {
    size: () => items.length,
    top: () => items[0]!,
    push(item: Waiting<Event>): void {
      let child = items.push(item) - 1
      while (child > 0) {
        const parent = (child - 1) >> 1
        if (!before(child, parent)) break
        swap(child, parent)
        child = parent
      }
    },
    pop(): Arrival<Event> {
      const first = items[0]!
      const last = items.pop()!
      if (items.length > 0) {
        items[0] = last
        let parent = 0
        for (;;) {
          const left = 2 * parent + 1
          const right = left + 1
          let least = parent
          if (left < items.length && before(left, least)) least = left
          if (right < items.length && before(right, least)) least = right
          if (least === parent) break
          swap(parent, least)
          parent = least
        }
      }
      return first.arrival
    },
  }
}
