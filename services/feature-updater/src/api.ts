import { type FeatureRow, featureTable, fingerprint, names, read, type State, triggers } from '@offerstream/features'
import { type Fold, partitionOf, type Store } from '@offerstream/streaming'
import type { FastifyInstance } from 'fastify'

type FeatureAnswer = {
  readonly customer: string
  /** The newest event the features know of; they are read at that moment. */
  readonly lastEventAt: string
  readonly fingerprint: string
  /** Missing is null. */
  readonly features: Readonly<Record<string, number | null>>
}

type FeatureList = {
  readonly fingerprint: string
  readonly features: readonly FeatureRow[]
  readonly triggers: readonly { readonly kind: string; readonly says: string }[]
}

/** What the API reads from; `partitions` is the journal's count. */
export type FeaturesSource = {
  readonly store: Pick<Store, 'peek'>
  readonly updater: Pick<Fold<State, never>, 'name' | 'states'>
  readonly partitions: number
}

/** Adds the features API to a server: what the updater saved last, without owning it. */
export function featuresApi(server: FastifyInstance, { store, updater, partitions }: FeaturesSource): FastifyInstance {
  server.get<{ Params: { id: string } }>('/customers/:id/features', async (request, reply) => {
    const { id } = request.params
    const [bytes] = await store.peek(updater.name, partitionOf(id, partitions), [id])
    if (!bytes) return reply.code(404).send({ error: 'unknown-customer' })
    const state = updater.states.decode(bytes)
    const vector = read(state, state.at)
    return {
      customer: id,
      lastEventAt: new Date(state.at).toISOString(),
      fingerprint,
      features: Object.fromEntries(names.map((name, i) => [name, Number.isNaN(vector[i]) ? null : vector[i]!])),
    } satisfies FeatureAnswer
  })

  const list: FeatureList = {
    fingerprint,
    features: featureTable,
    triggers: Object.entries(triggers).map(([kind, { says }]) => ({ kind, says })),
  }
  server.get('/features', async () => list)

  return server
}
