// What an app or a call centre pulls: the offer that stands, and what was decided. Reads only, of the topics and of what
// the scorer saved last.
import { isSold, type Playbook } from '@offerstream/catalogue'
import {
  avroCodec,
  type ContactHistory,
  type Decision,
  type KillSwitch,
  type NextBestOffer,
} from '@offerstream/contracts'
import { createModels } from '@offerstream/ranker'
import { answerError, openTopic, partitionOf, type Surroundings } from '@offerstream/streaming'
import type { FastifyInstance } from 'fastify'
import { mostRecords, openExplainer } from './explain.ts'
import { explanationSchema } from './explanation-schema.ts'
import { scorerName } from './fold.ts'
import { jsonSchemaOf } from './json-schema.ts'
import { lookBack, type Searched } from './look-back.ts'
import type { ScorerOptions } from './service.ts'

/** What the API reads from. The scorer itself may run elsewhere. */
export type OffersSource = Pick<
  Surroundings,
  'log' | 'store' | 'registry' | 'clock' | 'prefix' | 'partitions' | 'notice'
>

const day = 24 * 60 * 60 * 1000
/** As long as offers are kept. */
const offerDays = 7
const mostDays = 400
const histories = avroCodec('contact-history')

type Params = { readonly id: string }
type Search = { readonly days: number; readonly limit: number; readonly before?: number }

/** Adds the routes to a server; topics are opened at the first request. */
export function offersApi(server: FastifyInstance, source: OffersSource, options: ScorerOptions): FastifyInstance {
  const { log, store, clock, partitions } = source
  let opening: ReturnType<typeof open> | null = null
  const opened = () => {
    opening ??= open(source, options).catch(error => {
      opening = null
      throw error
    })
    return opening
  }
  server.addHook('onClose', async () => {
    const topics = await opening?.catch(() => null)
    await topics?.stop()
  })
  /** What the scorer saved last of the customer, null where it never decided anything. */
  const historyOf = async (customer: string): Promise<ContactHistory | null> => {
    const [bytes] = await store.peek(scorerName, partitionOf(customer, partitions), [customer])
    return bytes ? histories.decode(bytes) : null
  }
  const since = (days: number): number => Date.now() - days * day

  server.get<{ Params: Params }>(
    '/customers/:id/next-best-offer',
    { schema: schemas.offer, errorHandler: answerError },
    async (request, reply) => {
      const { id } = request.params
      const none = (error: string, message: string) => reply.code(404).send({ error, message })
      const history = await historyOf(id)
      if (history === null) return none('never-decided', 'nothing was ever decided for this customer')
      if (history.sequence === 0) return none('no-offer', 'no offer was ever made to this customer')
      const { offers, playbook } = await opened()
      const options = { since: since(offerDays), records: mostRecords }
      // A scorer that starts over repeats its last batch: the newest record need not be the newest offer.
      let offer: NextBestOffer | null = null
      for await (const each of lookBack(log, offers, partitionOf(id, partitions), id, options).values) {
        if (offer === null || each.sequence > offer.sequence) offer = each
        if (offer.sequence >= history.sequence) break
      }
      if (offer === null) return none('no-offer', `no offer was made in the last ${offerDays} days`)
      const why = invalid(offer, playbook(), clock.now())
      return why === null ? offer : none(why.error, why.message)
    },
  )

  server.get<{ Params: Params; Querystring: Search }>(
    '/customers/:id/decisions',
    { schema: schemas.decisions, serializerCompiler: asJson, errorHandler: answerError },
    async request => {
      const { id } = request.params
      const { days, limit, before } = request.query
      const { decisions } = await opened()
      const options = { since: since(days), records: mostRecords, ...(before === undefined ? {} : { before }) }
      const { values, searched } = lookBack(log, decisions, partitionOf(id, partitions), id, options)
      const found: Decision[] = []
      for await (const each of values) if (found.push(each) >= limit) break
      return { customer: id, decisions: found, searched: told(searched) }
    },
  )

  server.get<{ Params: Params & { readonly decision: string }; Querystring: Pick<Search, 'days'> }>(
    '/customers/:id/decisions/:decision',
    { schema: schemas.decision, serializerCompiler: asJson, errorHandler: answerError },
    async (request, reply) => {
      const { id, decision: wanted } = request.params
      const { decisions } = await opened()
      const options = { since: since(request.query.days), records: mostRecords }
      const { values, searched } = lookBack(log, decisions, partitionOf(id, partitions), id, options)
      for await (const each of values) if (each.id === wanted) return each
      return reply.code(404).send(unknownDecision(searched))
    },
  )
  server.get<{
    Params: Params & { readonly decision: string }
    Querystring: Pick<Search, 'days'> & { readonly again: boolean }
  }>(
    '/customers/:id/decisions/:decision/explanation',
    { schema: schemas.explanation, serializerCompiler: asJson, errorHandler: answerError },
    async (request, reply) => {
      const { id, decision } = request.params
      const { days, again } = request.query
      const { explainer } = await opened()
      const { explanation, searched } = await explainer.explain(id, {
        decision,
        days,
        ...(again ? { again: today => today } : {}),
      })
      return explanation ?? reply.code(404).send(unknownDecision(searched))
    },
  )
  return server
}

/** The topics, and the playbook as it grows. */
async function open(source: OffersSource, { models: folder }: ScorerOptions) {
  const { registry, prefix } = source
  const models = createModels(folder)
  const explainer = await openExplainer(source, models)
  return {
    offers: await openTopic(registry, 'next-best-offers', prefix),
    decisions: await openTopic(registry, 'decisions', prefix),
    explainer,
    playbook: explainer.playbook,
    async stop() {
      await explainer.stop()
      await models.close()
    },
  }
}

/** Why an offer that was made no longer stands, null while it does. */
function invalid(offer: NextBestOffer, playbook: Playbook, now: number): { error: string; message: string } | null {
  if (offer.expiresAt <= now)
    return { error: 'expired', message: `the last offer expired at ${new Date(offer.expiresAt).toISOString()}` }
  const item = playbook.items.get(offer.item)
  if (item === undefined || !isSold(item, now))
    return { error: 'not-sold', message: `${offer.item} is no longer on sale` }
  for (const kill of playbook.killSwitches.values())
    if (kill.on && stops(kill, offer)) return { error: 'stopped', message: `kill switch ${kill.name} is on` }
  return null
}

function stops({ scope, target }: KillSwitch, offer: NextBestOffer): boolean {
  switch (scope) {
    case 'global':
      return true
    case 'item':
      return target === offer.item
    case 'campaign':
      return target === offer.trigger.event || target === offer.trigger.kind
    case 'provider':
      return false // of pushes, which this is none of
  }
}

const told = ({ records, since, endedBy, next }: Searched) => ({
  records,
  since: since === null ? null : new Date(since).toISOString(),
  endedBy,
  next: endedBy === 'start' ? null : next,
})

function unknownDecision(searched: Searched): { error: string; message: string } {
  const { records, since } = told(searched)
  return {
    error: 'unknown-decision',
    message: `not among the ${records} records looked at${since === null ? '' : `, back to ${since}`}`,
  }
}

/** A missing number, NaN, is null. */
const asJson = () => (data: unknown) => JSON.stringify(data)

const text = { type: 'string' } as const
const object = (properties: Readonly<Record<string, object>>) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
})
const error = (description: string) => ({ description, ...object({ error: text, message: text }) })
const customer = { ...text, description: 'Customer.' }
const days = {
  type: 'integer',
  minimum: 1,
  maximum: mostDays,
  default: 30,
  description: `How far to look back, in days. No more than ${mostRecords} records of a partition are looked at.`,
}
const decision = jsonSchemaOf(avroCodec('decision').schema)
const refused = error('A question that makes no sense, and which part of it.')
const unavailable = error('Kafka or the store does not answer now.')

const schemas = {
  offer: {
    operationId: 'nextBestOffer',
    summary: 'The last offer made to a customer, while it stands',
    params: object({ id: customer }),
    response: {
      200: {
        description: 'The offer; moments are milliseconds since the epoch.',
        ...jsonSchemaOf(avroCodec('next-best-offer').schema),
      },
      404: error('None: never-decided, no-offer, expired, not-sold or stopped.'),
      503: unavailable,
    },
  },
  decisions: {
    operationId: 'decisions',
    summary: 'What was decided for a customer, newest first, each once',
    params: object({ id: customer }),
    querystring: {
      type: 'object',
      properties: {
        days,
        limit: { type: 'integer', minimum: 1, maximum: 500, default: 20, description: 'Enough are found then.' },
        before: { type: 'integer', minimum: 0, description: 'Goes on where a search ended: its `next`.' },
      },
    },
    response: {
      200: {
        description: 'The decisions, and how far it looked.',
        ...object({
          customer: text,
          decisions: { type: 'array', items: decision },
          searched: object({
            records: { type: 'integer', description: 'Looked at, of all customers of the partition.' },
            since: {
              type: ['string', 'null'],
              format: 'date-time',
              description: 'When the oldest of them was written.',
            },
            endedBy: {
              ...text,
              enum: ['found', 'time', 'records', 'start'],
              description: 'Enough found, the days or records allowed, or the first record of the log.',
            },
            next: { type: ['integer', 'null'], description: 'Give it as `before` to go on; null at the start.' },
          }),
        }),
      },
      400: refused,
      503: unavailable,
    },
  },
  decision: {
    operationId: 'decision',
    summary: 'One decision with everything that led to it',
    params: object({ id: customer, decision: { ...text, description: 'The id of the decision, percent-encoded.' } }),
    querystring: { type: 'object', properties: { days } },
    response: {
      200: { description: 'The decision.', ...decision },
      400: refused,
      404: error('Not found as far as it looked.'),
      503: unavailable,
    },
  },
  explanation: {
    operationId: 'explanation',
    summary:
      'Why one decision was taken as it was, in words, and what followed; with `again`, how it would be taken today',
    params: object({ id: customer, decision: { ...text, description: 'The id of the decision, percent-encoded.' } }),
    querystring: {
      type: 'object',
      properties: {
        days,
        again: {
          type: 'boolean',
          default: false,
          description:
            "Decide the same request again by today's playbook, and say what differs and which records do it.",
        },
      },
    },
    response: {
      200: { description: 'The explanation; moments are milliseconds since the epoch.', ...explanationSchema },
      400: refused,
      404: error('Not found as far as it looked.'),
      503: unavailable,
    },
  },
}
