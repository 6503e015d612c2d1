import { type Playbook, stampOf } from '@offerstream/catalogue'
import type { CustomerEvent, ItemStamp } from '@offerstream/contracts'
import { type Handled, type Handler, reject, skip, type Topic } from '@offerstream/streaming'
import { refusal, type SourceEvent } from './validate.ts'

export type IntakeSurroundings = {
  readonly sources: readonly Topic<SourceEvent>[]
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
}: IntakeSurroundings): Handler<SourceEvent> {
  return {
    name: 'intake',
    inputs: sources,
    outputs: [journal as Topic<never>],
    handle({ value: event }): Handled {
      const journalledAt = now()
      const why = refusal(event, journalledAt, futureLimitMs)
      if (why !== null) return reject(why)
      // An intent says that a push is about to be tried; only what became of it is a fact about the customer.
      if (event.type === 'delivery' && event.state === 'sending') return skip('intent')
      return {
        kind: 'done',
        emit: [
          {
            topic: 'customer-events',
            key: event.customer,
            value: { journalledAt, triggers: true, item: stamp(playbook(), event), event },
          },
        ],
      }
    },
  }
}

/** The item an event names; of a profile, the plan. */
function stamp(playbook: Playbook, event: SourceEvent): ItemStamp | null {
  const item = event.type === 'customer' ? event.plan : event.type === 'usage' ? null : event.item
  return item === null ? null : stampOf(playbook, item, event.at)
}
