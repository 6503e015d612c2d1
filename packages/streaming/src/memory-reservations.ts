import { dueQueue } from './due-queue.ts'
import { type ReservationState, type Reservations, wholeAmounts } from './reservations.ts'

type Entry = { state: ReservationState; readonly amount: number }
type Held = {
  readonly entries: Map<string, Entry>
  /** When an id is forgotten: a hold lapses with it. */
  readonly ends: ReturnType<typeof dueQueue>
  held: number
  kept: number
}

/** Reservations in this process. `now` is the server's clock, milliseconds. */
export function memoryReservations(now: () => number = () => performance.now()): Reservations {
  const resources = new Map<string, Held>()

  const open = (resource: string): Held => {
    let held = resources.get(resource)
    if (held === undefined) {
      held = { entries: new Map(), ends: dueQueue(), held: 0, kept: 0 }
      resources.set(resource, held)
    }
    for (const { key } of held.ends.first(now(), Number.POSITIVE_INFINITY)) {
      const { state, amount } = held.entries.get(key)!
      if (state === 'held') held.held -= amount
      held.entries.delete(key)
      held.ends.set(key, null)
    }
    return held
  }
  const put = (held: Held, id: string, entry: Entry, forMs: number): void => {
    held.entries.set(id, entry)
    held.ends.set(id, now() + forMs)
  }

  return {
    async reserve(resource, limit, asks, lapseMs) {
      const held = open(resource)
      const granted = wholeAmounts(asks).map(({ id, amount }) => {
        const known = held.entries.get(id)
        if (known !== undefined) {
          if (known.state === 'held') put(held, id, known, lapseMs)
          return known.state !== 'refused'
        }
        const fits = held.held + held.kept + amount <= limit
        put(held, id, { state: fits ? 'held' : 'refused', amount }, lapseMs)
        if (fits) held.held += amount
        return fits
      })
      return { granted, totals: { held: held.held, kept: held.kept } }
    },
    async keep(resource, keeps) {
      const held = open(resource)
      let lapsed = 0
      for (const { id, amount, forMs } of wholeAmounts(keeps)) {
        const known = held.entries.get(id)
        if (known?.state === 'kept' || known?.state === 'released') continue
        const taken = known?.state === 'held' ? known.amount : amount
        if (known?.state === 'held') held.held -= taken
        else lapsed++
        held.kept += taken
        put(held, id, { state: 'kept', amount: taken }, forMs)
      }
      return lapsed
    },
    async release(resource, ids, rememberMs) {
      const held = open(resource)
      for (const id of ids) {
        const known = held.entries.get(id)
        if (known?.state !== 'held' && known?.state !== 'kept') continue
        held[known.state] -= known.amount
        put(held, id, { state: 'released', amount: known.amount }, rememberMs)
      }
    },
    async totals(resource) {
      const { held, kept } = open(resource)
      return { held, kept }
    },
    remembered: async resource => open(resource).entries.size,
  }
}
