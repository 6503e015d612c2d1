import { type Playbook, stampOf } from '@offerstream/catalogue'
import type { CustomerEvent, Delivery, ItemStamp } from '@offerstream/contracts'
import { type Handled, type Handler, reject, skip, type Topic } from '@offerstream/streaming'
import type { IntakeSource, Unmapped } from './mapped-source.ts'
import { refusal, type SourceEvent } from './validate.ts'

export type IntakeSurroundings = {
  readonly sources: readonly IntakeSource[]
  readonly journal: Topic<CustomerEvent>
  playbook(): Playbook
  now(): number
  /** Events further ahead of the clock are dead letters, milliseconds. */
  readonly futureLimitMs: number
}

/** Maps source events onto the journal: validated, stamped with what the catalogue says, keyed by customer. */
export function createIntake({
  sources,
  journal,
  playbook,
  now,
  futureLimitMs,
}: IntakeSurroundings): Handler<SourceEvent | Unmapped> {
  return {
    name: 'intake',
    inputs: sources,
    outputs: [journal as Topic<never>],
    handle({ key, value, timestamp }): Handled {
      let event: SourceEvent
      if (value.type === 'unmapped') {
        const mapped = value.map({ value: value.value, key, timestamp })
        if (mapped.kind === 'skip') return skip(mapped.reason)
        if (mapped.kind === 'refuse') return reject(mapped.reason)
        event = mapped.event
      } else event = value
      const journalledAt = now()
      const why = refusal(event, journalledAt, futureLimitMs)
      if (why !== null) return reject(why)
      if (event.type === 'delivery' && isAside(event)) return skip(event.state === 'sending' ? 'intent' : 'reported')
      return {
        kind: 'done',
        emit: [
          {
            topic: 'customer-events',
            key: event.customer,
            value: journalled(event, playbook(), { journalledAt, triggers: true }),
          },
        ],
      }
    },
  }
}

/**
 * A delivery that is no new fact about the customer: an intent says that a push is about to be tried, and what a device
 * reported is in the journal as the engagement that the dispatcher heard of it by.
 */
export const isAside = ({ state }: Delivery): boolean =>
  state === 'sending' || state === 'displayed' || state === 'clicked'

/** An event as the journal holds it. `triggers` is false for history, from which no decision follows. */
export function journalled(
  event: SourceEvent,
  playbook: Playbook,
  envelope: { readonly journalledAt: number; readonly triggers: boolean },
): CustomerEvent {
  return { ...envelope, item: stamp(playbook, event), event }
}

/** The item an event names; of a profile, the plan. */
function stamp(playbook: Playbook, event: SourceEvent): ItemStamp | null {
  const item = event.type === 'customer' ? event.plan : event.type === 'usage' ? null : event.item
  if (item === null) return null
  // A purchase taken back is subtracted where the purchase was added.
  return stampOf(playbook, item, event.type === 'purchase_retracted' ? event.purchasedAt : event.at)
}
