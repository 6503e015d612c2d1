import type { CustomerEvent } from '@offerstream/contracts'
import type { Engine } from './engine.ts'
import type { State } from './state.ts'
import type { Triggers } from './triggers.ts'

/** What an event set off: the kinds in the list's order, and the state that remembers when they fired. */
export type Fired = { readonly state: State; readonly kinds: readonly string[] }

/** `after` holds the event already. */
export type Fire = (envelope: CustomerEvent, after: State) => Fired

export function createFire(engine: Engine, triggers: Triggers): Fire {
  const rules = Object.entries(triggers)
  return (envelope, after) => {
    const { event, journalledAt } = envelope
    if (!envelope.triggers || event.type === 'tick') return { state: after, kinds: [] }
    const feature = (name: string): number => engine.valueAt(after, name, after.at)
    const kinds: string[] = []
    for (const [kind, rule] of rules) {
      if (journalledAt - event.at > rule.maxAgeMs) continue
      const last = after.fired[kind]
      if (last !== undefined && !rule.mayFireAgain(last, event.at)) continue
      if (rule.fires(envelope, after, feature)) kinds.push(kind)
    }
    return { state: kinds.length === 0 ? after : { ...after, fired: firedAt(after.fired, kinds, event.at) }, kinds }
  }
}

function firedAt(fired: State['fired'], kinds: readonly string[], at: number): State['fired'] {
  const all: Record<string, number> = { ...fired }
  for (const kind of kinds) all[kind] = at
  return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)))
}
