// Whether what was reserved is kept: by what became of the decision, and of its offer. On the way it keeps count of trials.
import { type Playbook, resourceNamesOf, resourcesOf } from '@offerstream/catalogue'
import type { Decision, Delivery } from '@offerstream/contracts'
import { type Handler, type Keep, type Reservations, skip, type Topic } from '@offerstream/streaming'
import type { FollowedPlaybook } from './playbook.ts'
import { keeperName, lapseMs, reservationId } from './reserve.ts'
import { keepTrials, type Trials } from './trial-keeper.ts'

export type KeeperSurroundings = {
  readonly decisions: Topic<Decision>
  readonly deliveries: Topic<Delivery>
  readonly playbook: Pick<FollowedPlaybook, 'at' | 'current' | 'catchUp'>
  readonly reservations: Reservations
  readonly notice?: (line: string) => void
}

/** An offer that ended so was not made; what it took is free again. */
const givenBack: ReadonlySet<string> = new Set(['expired', 'suppressed', 'superseded', 'rejected'])

/** The customer's phone may say for so long after its expiry what became of an offer. */
const graceMs = 24 * 60 * 60_000

/**
 * Published decisions and final states of offers in, nothing out: a decision keeps what it chose and gives back the rest,
 * an offer that was not made gives back what it took. Done again after a crash it changes nothing.
 */
export function createKeeper(around: KeeperSurroundings): Handler<Decision | Delivery, Trials> {
  const { reservations, playbook, notice = () => {} } = around
  return {
    name: keeperName,
    inputs: [around.decisions, around.deliveries] as readonly Topic<Decision | Delivery>[],
    outputs: [],
    keeps: keepTrials(playbook),
    async effect(batch) {
      // Another member may have decided by records that this one has not read yet.
      if (batch.some(({ value }) => 'playbookVersion' in value && value.playbookVersion > playbook.current().version))
        await playbook.catchUp()
      const keeps = new Map<string, Keep[]>()
      const releases = new Map<string, string[]>()
      for (const { value } of batch) {
        if ('state' in value) {
          if (!givenBack.has(value.state)) continue
          for (const resource of resourceNamesOf(value.item, playbook.current()))
            addTo(releases, resource, reservationId(value.offer, value.item))
          continue
        }
        for (const { item, resource, granted } of value.reservations) {
          if (!granted) continue
          const id = reservationId(value.id, item)
          if (item !== value.chosen) addTo(releases, resource, id)
          else
            addTo(keeps, resource, {
              id,
              amount: amountOf(value, resource, playbook.at(value.playbookVersion)),
              forMs: forMs(value),
            })
        }
      }
      await Promise.all([
        ...[...keeps].map(async ([resource, all]) => {
          const lapsed = await reservations.keep(resource, all)
          if (lapsed > 0)
            notice(
              `${lapsed} decisions were published later than ${lapseMs / 60_000} minutes after they reserved ${resource}; it may be over its limit by as many`,
            )
        }),
        ...[...releases].map(([resource, ids]) => reservations.release(resource, ids, lapseMs)),
      ])
    },
    handle: ({ value }) =>
      skip('state' in value ? 'delivery' : value.reservations.length === 0 ? 'nothing-reserved' : 'reserved'),
  }
}

const forMs = ({ at, expiresAt }: Decision): number => (expiresAt ?? at) - at + graceMs

function amountOf(decision: Decision, resource: string, playbook: Playbook): number {
  const item = playbook.items.get(decision.chosen!)
  const drawn = item && resourcesOf(item, decision.at, playbook).find(({ name }) => name === resource)
  if (drawn === undefined)
    throw new Error(`decision ${decision.id} took of ${resource}, which playbook ${playbook.version} does not know`)
  return drawn.amount
}

function addTo<Value>(lists: Map<string, Value[]>, name: string, value: Value): void {
  const list = lists.get(name)
  if (list === undefined) lists.set(name, [value])
  else list.push(value)
}
