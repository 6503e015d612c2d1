// Stock and budget, asked for before a batch is decided: see docs/decisions/0005-reserve-before-deciding.md.
import { type Resource, resourcesOf } from '@offerstream/catalogue'
import type { BudgetSpent, FeatureUpdate, Reservation } from '@offerstream/contracts'
import { possibleFor } from '@offerstream/policy'
import type { Reservations } from '@offerstream/streaming'
import type { Prepared } from './prepare.ts'

/** What was answered for one update; all of it stands on the decision. */
export type Reserved = { readonly reservations: readonly Reservation[]; readonly budgets: readonly BudgetSpent[] }

/** The group that follows what was decided, and what it has seen. */
export const keeperName = 'reservation-keeper'

/** How long a grant waits for its decision to be published, by the server's clock. */
export const lapseMs = 10 * 60_000

/** What a decision holds for one of its candidates goes by this. */
export const reservationId = (decision: string, item: string): string => `${decision} ${item}`

/** Asks for whatever the candidates of a batch need, one call per resource. `prepared` has one for each update. */
export async function reserveFor(
  updates: readonly FeatureUpdate[],
  prepared: readonly Prepared[],
  reservations: Reservations,
): Promise<Reserved[]> {
  const wishes = updates.flatMap((update, index) =>
    wishesOf(update, prepared[index]!).map(wish => ({ index, ...wish })),
  )
  if (wishes.length === 0) return updates.map(() => nothing)
  const granted = new Map<Wish, boolean>()
  const spent = new Map<string, number>()
  await Promise.all(
    [...Map.groupBy(wishes, wish => wish.resource.name)].map(async ([resource, asks]) => {
      const answer = await reservations.reserve(resource, asks[0]!.resource.limit, asks.map(toAsk), lapseMs)
      for (const [place, wish] of asks.entries()) granted.set(wish, answer.granted[place]!)
      spent.set(resource, answer.totals.kept)
    }),
  )
  const byUpdate = Map.groupBy(wishes, wish => wish.index)
  return updates.map((_, index) => {
    const own = byUpdate.get(index) ?? []
    return {
      reservations: own.map(wish => ({
        item: wish.item,
        resource: wish.resource.name,
        granted: granted.get(wish)!,
      })),
      budgets: [
        ...new Map(
          own.flatMap(({ resource: { budget, name } }) =>
            budget === null ? [] : [[budget, { name: budget, spentMinor: spent.get(name)! }] as const],
          ),
        ).values(),
      ],
    }
  })
}

type Wish = {
  readonly item: string
  readonly decision: string
  readonly resource: Resource
}

/** In the order of the candidates: the answers, and so the record, hang on nothing else. */
function wishesOf(update: FeatureUpdate, prepared: Prepared): Wish[] {
  if (prepared.kind === 'refused') return []
  const { playbook } = prepared
  const wishes = prepared.candidates.flatMap(({ item }) =>
    resourcesOf(item, update.at, playbook).map(resource => ({ item, resource })),
  )
  const possible = new Set(
    possibleFor(update, update.at, [...new Set(wishes.map(({ item }) => item))], playbook, prepared.models),
  )
  return wishes
    .filter(({ item }) => possible.has(item))
    .map(({ item, resource }) => ({ item: item.name, decision: update.id, resource }))
}

const toAsk = ({ decision, item, resource }: Wish) => ({ id: reservationId(decision, item), amount: resource.amount })

const nothing: Reserved = { reservations: [], budgets: [] }
