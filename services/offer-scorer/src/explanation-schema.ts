// What an explanation looks like as JSON Schema (2020-12, as OpenAPI 3.1 has it), by hand: no record of a topic is like it.
import { avroCodec } from '@offerstream/contracts'
import { jsonSchemaOf } from './json-schema.ts'

type Schema = Readonly<Record<string, unknown>>

const text: Schema = { type: 'string' }
const number: Schema = { type: 'number' }
const whole: Schema = { type: 'integer' }
const flag: Schema = { type: 'boolean' }
const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] })
const list = (items: Schema): Schema => ({ type: 'array', items })
const object = (properties: Readonly<Record<string, Schema>>): Schema => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
})
const about = (schema: Schema, description: string): Schema => ({ ...schema, description })
const numbers: Schema = { type: 'object', additionalProperties: { type: ['number', 'null'] } }

const { trigger } = (jsonSchemaOf(avroCodec('feature-update').schema) as { properties: Record<string, Schema> })
  .properties as { trigger: Schema }

const changes = list(object({ field: text, from: {}, to: {} }))
const changedRecords = list(object({ type: text, name: text, changes }))
const outcome = object({
  chosen: orNull(text),
  reason: text,
  explored: flag,
  propensity: number,
  noOfferPropensity: number,
})
const verdict = object({
  refused: orNull(text),
  score: orNull(number),
  valueMinor: orNull(number),
  rank: orNull(whole),
  propensity: number,
})

const again = object({
  playbookVersion: whole,
  refused: about(orNull(text), 'Why it cannot be decided again.'),
  same: flag,
  was: outcome,
  now: orNull(outcome),
  because: about(list(text), 'Records that make the choice another one, each by itself.'),
  changed: list(object({ item: text, was: orNull(verdict), now: orNull(verdict), because: list(text) })),
  causes: about(changedRecords, 'What those records change.'),
  notes: list(text),
})

const candidate = object({
  item: text,
  verdict: { enum: ['chosen', 'eligible', 'refused'], type: 'string' },
  refused: about(orNull(text), 'The first rule that refused it.'),
  says: about(text, 'The refusal in words.'),
  rank: orNull(whole),
  score: about(orNull(number), 'Probability of acceptance.'),
  uplift: orNull(number),
  valueMinor: about(orNull(number), 'Expected value.'),
  propensity: about(number, 'Probability that it is chosen.'),
  shadows: list(object({ model: text, score: orNull(number) })),
  pairs: about(numbers, 'Pair features by name, as scored.'),
  reservations: list(object({ resource: text, granted: flag })),
})

export const explanationSchema = object({
  customer: text,
  decision: text,
  at: whole,
  trigger,
  chosen: orNull(text),
  reason: text,
  says: about(text, 'The reason in words.'),
  offer: orNull(object({ sequence: whole, channel: text, expiresAt: whole, text: orNull(text) })),
  propensity: number,
  noOfferPropensity: number,
  explored: flag,
  draw: number,
  candidates: about(list(candidate), 'The best first, then what was refused.'),
  arms: list(object({ experiment: text, arm: text })),
  models: list(
    object({
      name: text,
      version: text,
      stage: text,
      value: about(orNull(number), 'What a model of customers says of this one.'),
      failed: about(orNull(text), 'Why it gave no score, and its baseline served.'),
    }),
  ),
  caps: list(object({ what: text, used: whole, limit: whole })),
  offered: about(
    list(object({ at: whole, item: text, channel: text, capped: flag })),
    'Offers made before, newest first.',
  ),
  budgets: list(object({ name: text, spentMinor: whole, amountMinor: orNull(whole) })),
  playbook: object({
    version: whole,
    writtenAt: orNull(whole),
    by: orNull(text),
    record: orNull(text),
    now: about(whole, 'Its version today.'),
    changedSince: changedRecords,
  }),
  fingerprint: text,
  features: about(numbers, 'As served, missing is null; empty where they are of another list.'),
  pushes: list(object({ at: whole, state: text, reason: orNull(text), channel: text, provider: orNull(text) })),
  answers: list(object({ at: whole, what: text, item: orNull(text), accepted: flag })),
  followedWhole: about(flag, 'Whether pushes and answers were looked for as far back as the decision.'),
  again: about(orNull(again), 'Decided again; null unless asked for.'),
})
