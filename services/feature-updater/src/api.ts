import { featureTable, fingerprint, names, read, type State, triggers } from '@offerstream/features'
import { answerError, type Fold, partitionOf, type Store } from '@offerstream/streaming'
import type { FastifyInstance } from 'fastify'

/** What the API reads from; `partitions` is the journal's count. */
export type FeaturesSource = {
  readonly store: Pick<Store, 'peek'>
  readonly updater: Pick<Fold<State, never>, 'name' | 'states'>
  readonly partitions: number
}

type Asked = { Params: { readonly id: string }; Querystring: { readonly at?: string } }

/** Adds the features API to a server: what the updater saved last, without owning it. */
export function featuresApi(server: FastifyInstance, { store, updater, partitions }: FeaturesSource): FastifyInstance {
  server.get<Asked>(
    '/customers/:id/features',
    { schema: ofCustomer, serializerCompiler: asJson, errorHandler: answerError },
    async (request, reply) => {
      const { id } = request.params
      const [bytes] = await store.peek(updater.name, partitionOf(id, partitions), [id])
      if (!bytes)
        return reply
          .code(404)
          .send({ error: 'unknown-customer', message: 'no event of this customer has been applied' })
      const state = updater.states.decode(bytes)
      const at = request.query.at === undefined ? state.at : Date.parse(request.query.at)
      if (Number.isNaN(at))
        return reply.code(400).send({ error: 'bad-request', message: `${request.query.at} is not in the calendar` })
      const lastEventAt = new Date(state.at).toISOString()
      if (at < state.at)
        return reply.code(400).send({
          error: 'before-last-event',
          message: `the state is as of the last event, ${lastEventAt}; for an earlier moment use \`offerstream replay --to\``,
        })
      const vector = read(state, at)
      const features: Record<string, number | null> = {}
      for (let index = 0; index < names.length; index++) {
        const value = vector[index]!
        features[names[index]!] = Number.isNaN(value) ? null : value
      }
      return { customer: id, at: new Date(at).toISOString(), lastEventAt, fingerprint, features }
    },
  )

  const list = {
    fingerprint,
    features: featureTable,
    triggers: Object.entries(triggers).map(([kind, { says }]) => ({ kind, says })),
  }
  server.get('/features', { schema: ofList }, async () => list)

  return server
}

/** A serializer compiled from the schema takes several times as long for names it does not know beforehand. */
const asJson = () => (answer: unknown) => JSON.stringify(answer)

const text = { type: 'string' } as const
const moment = { type: 'string', format: 'date-time' } as const
const object = (properties: Readonly<Record<string, object>>) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
})
const error = (description: string) => ({ description, ...object({ error: text, message: text }) })

const ofCustomer = {
  operationId: 'features',
  summary: 'The features of a customer, as of the last event or a later moment',
  params: object({ id: { ...text, description: 'Customer.' } }),
  querystring: {
    type: 'object',
    properties: { at: { ...moment, description: 'Not before the last event; that moment unless given.' } },
  },
  response: {
    200: {
      description: 'The features by name, as `GET /features` lists them; missing is null.',
      ...object({
        customer: text,
        at: moment,
        lastEventAt: { ...moment, description: 'The newest event the features know of.' },
        fingerprint: { ...text, description: 'Of the feature list.' },
        features: { type: 'object', additionalProperties: { type: ['number', 'null'] } },
      }),
    },
    400: error('A moment before the last event, or none that can be read.'),
    404: error('Nobody of that name.'),
    503: error('The store does not answer now.'),
  },
}

const ofList = {
  operationId: 'featureList',
  summary: 'The list of features in the order of the vector, and the triggers',
  response: {
    200: {
      description: 'The lists.',
      ...object({
        fingerprint: { ...text, description: 'It changes with the list.' },
        features: {
          type: 'array',
          items: object(
            Object.fromEntries(
              Object.entries(featureTable[0]!).map(([name, value]) => [name, { type: typeof value }] as const),
            ),
          ),
        },
        triggers: { type: 'array', items: object({ kind: text, says: text }) },
      }),
    },
  },
}
