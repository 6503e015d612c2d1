// A page of customers ranked: each state becomes the update that a campaign would bring to the scorer, and is prepared and
// decided by the scorer's own code. Nothing is emitted and nothing is remembered.
import { baselineOf, type Playbook, promotionsInUse } from '@offerstream/catalogue'
import { avroCodec, type FeatureUpdate, type ItemKind, type ModelUsed } from '@offerstream/contracts'
import { knownAt } from '@offerstream/feature-updater'
import { states } from '@offerstream/features'
import { prepare } from '@offerstream/offer-scorer'
import { decide, emptyHistory } from '@offerstream/policy'
import type { Models } from '@offerstream/ranker'
import type { BasePage } from './states.ts'

export type RankOptions = {
  readonly run: string
  readonly at: number
  readonly playbook: Playbook
  readonly kinds: readonly ItemKind[]
  readonly top: number | null
}

/** Column by column: one entry a customer, and one a row; a row names its customer by place. */
export type Ranked = {
  readonly customers: string[]
  readonly ats: number[]
  /** JSON of candidates refused by why. */
  readonly refused: string[]
  readonly of: number[]
  readonly ranks: (number | null)[]
  readonly items: string[]
  readonly scores: (number | null)[]
  readonly values: (number | null)[]
  readonly propensities: number[]
  /** Place among the playbook's models in use, -1 where none scored. */
  readonly models: number[]
  readonly totals: {
    offerable: number
    readonly refused: Map<string, number>
    readonly undecided: Map<string, number>
  }
}

export const nothingRanked = (): Ranked => ({
  customers: [],
  ats: [],
  refused: [],
  of: [],
  ranks: [],
  items: [],
  scores: [],
  values: [],
  propensities: [],
  models: [],
  totals: { offerable: 0, refused: new Map(), undecided: new Map() },
})

const histories = avroCodec('contact-history')

export type Rank = (customers: readonly string[], page: BasePage, into: Ranked) => Promise<void>

export async function createRank({ run, at, playbook, kinds, top }: RankOptions, models: Models): Promise<Rank> {
  const inUse = promotionsInUse(playbook)
  const keyOf = ({ name, version, sha256 }: Pick<ModelUsed, 'name' | 'version' | 'sha256'>) =>
    `${name}/${version}/${sha256}`
  const places = new Map(inUse.map((model, place) => [keyOf(model), place]))
  const scored = await Promise.all(inUse.map(async model => (await models.load(model)).manifest.kind))
  const wanted = new Set(kinds)
  const texts = new Map<string, string>()

  /** Of several models of a kind the last one's scores stand; a failed one's baseline serves in its place. */
  const modelOf = (used: readonly ModelUsed[], kind: ItemKind, moment: number): number =>
    used.reduce((found, model) => {
      const place = places.get(keyOf(model))
      if (model.stage === 'shadow' || place === undefined || scored[place] !== kind) return found
      const baseline = model.failed === null ? null : baselineOf(playbook, inUse[place]!, moment)
      return baseline === null ? place : (places.get(keyOf(baseline)) ?? -1)
    }, -1)

  return async (customers, page, into) => {
    const updates: FeatureUpdate[] = []
    const past: (Buffer | null)[] = []
    for (const [place, customer] of customers.entries()) {
      const bytes = page.states[place]
      // Gone since its name was read.
      if (bytes == null) continue
      updates.push({
        id: `${run}/${customer}`,
        customer,
        trigger: { kind: 'campaign-due', event: run, at },
        ...knownAt(states.decode(bytes), at),
      })
      past.push(page.histories[place] ?? null)
    }
    const prepared = await prepare(
      updates,
      updates.map(() => playbook),
      models,
    )
    for (const [place, update] of updates.entries()) {
      const ready = prepared[place]!
      const person = into.customers.push(update.customer) - 1
      into.ats.push(update.at)
      if (ready.kind === 'refused') {
        count(into.totals.undecided, ready.reason)
        into.refused.push('{}')
        continue
      }
      const history = past[place] === null ? emptyHistory : histories.decode(past[place]!)
      const decision = decide({ id: update.id, at: update.at, update, ...ready }, history, playbook)
      const why: string[] = []
      const rows: number[] = []
      for (const [index, { item }] of ready.candidates.entries()) {
        if (!wanted.has(item.kind)) continue
        const { refused, rank } = decision.candidates[index]!
        if (refused !== null) {
          why.push(refused)
          count(into.totals.refused, refused)
        } else if (top === null || (rank !== null && rank <= top)) rows.push(index)
      }
      into.refused.push(textOf(why))
      const rankOf = (index: number) => decision.candidates[index]!.rank ?? Infinity
      rows.sort((a, b) => rankOf(a) - rankOf(b) || a - b)
      let isOfferable = false
      for (const index of rows) {
        const { item, rank, score, valueMinor, propensity } = decision.candidates[index]!
        if (propensity > 0) isOfferable = true
        into.of.push(person)
        into.ranks.push(rank)
        into.items.push(item)
        into.scores.push(score)
        into.values.push(valueMinor)
        into.propensities.push(propensity)
        into.models.push(score === null ? -1 : modelOf(decision.models, ready.candidates[index]!.item.kind, update.at))
      }
      if (isOfferable) into.totals.offerable++
    }
  }

  /** The same few hundred combinations come again and again. */
  function textOf(why: string[]): string {
    const key = why.sort().join()
    let text = texts.get(key)
    if (text === undefined) {
      const counts = new Map<string, number>()
      for (const each of why) count(counts, each)
      text = JSON.stringify(Object.fromEntries(counts))
      if (texts.size < 10_000) texts.set(key, text)
    }
    return text
  }
}

const count = (counts: Map<string, number>, what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1)
