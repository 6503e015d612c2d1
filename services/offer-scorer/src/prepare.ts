import { baselineOf, type Playbook, promotionsFor } from '@offerstream/catalogue'
import type { CatalogueItem, FeatureUpdate, ModelPromotion, ModelUsed } from '@offerstream/contracts'
import { fingerprint } from '@offerstream/features'
import { candidatesFor, type Scored } from '@offerstream/policy'
import { customerRow, InfiniteInput, inputsOf, type Model, type Models } from '@offerstream/ranker'

/** What a step needs that hangs on no history: the playbook as it was, and the candidates scored by it. */
export type Prepared =
  | {
      readonly kind: 'scored'
      readonly playbook: Playbook
      readonly candidates: readonly Scored[]
      readonly models: readonly ModelUsed[]
    }
  /** No decision can be taken. */
  | { readonly kind: 'refused'; readonly reason: string }

/**
 * Candidates and scores for a batch, one call per model for all of it. `playbooks` has one for each update. Shadows score
 * beside the models that serve; what they say, or that they fail, changes nothing but the record. A version on trial has
 * its baseline scored beside it as a shadow, which serves where the version gives no score.
 */
export async function prepare(
  updates: readonly FeatureUpdate[],
  playbooks: readonly Playbook[],
  models: Models,
): Promise<Prepared[]> {
  const drafts: Draft[] = []
  const work = new Map<Model, Part[]>()
  for (const [index, update] of updates.entries()) drafts.push(await draft(update, playbooks[index]!, models, work))
  for (const [model, parts] of work) await score(model, parts)
  return drafts.map(made => {
    serve(made)
    const { playbook, candidates, used, refused } = made
    return refused !== null
      ? { kind: 'refused', reason: refused }
      : { kind: 'scored', playbook, candidates, models: used.map(({ record }) => record) }
  })
}

type Draft = {
  readonly playbook: Playbook
  readonly candidates: { item: CatalogueItem; pairs: readonly number[]; score: number | null }[]
  readonly used: Used[]
  refused: string | null
}

/** A model of a draft. */
type Used = {
  readonly record: { -readonly [Field in keyof ModelUsed]: ModelUsed[Field] }
  /** Without its score a decision is taken all the same. */
  readonly spared: boolean
  /** The one that serves in its place. */
  readonly baseline: ModelPromotion | null
  /** What it scores; nothing for a model of customers. */
  readonly indices: readonly number[]
  /** By candidate. */
  readonly scores: (number | null)[]
}

/** Rows of one draft for one model. */
type Part = { readonly draft: Draft; readonly by: Used; readonly rows: Float32Array; readonly count: number }

async function draft(
  update: FeatureUpdate,
  playbook: Playbook,
  models: Models,
  work: Map<Model, Part[]>,
): Promise<Draft> {
  if (update.fingerprint !== fingerprint) return refusedDraft(playbook, 'other-fingerprint')
  if (update.features.some(isInfinite)) return refusedDraft(playbook, 'infinite-input')
  const candidates: Draft['candidates'] = candidatesFor(update, update.at, playbook).map(item => ({
    item,
    pairs: [],
    score: null,
  }))
  const made: Draft = { playbook, candidates, used: [], refused: null }
  for (const { promotion, stage, baseline } of lookingAt(update, playbook)) {
    const { name, version, sha256 } = promotion
    const model = await models.load({ name, version, sha256 })
    const { manifest } = model
    const isOfCustomers = manifest.kind === 'upsell'
    const scores = isOfCustomers ? [] : new Array<number | null>(candidates.length).fill(null)
    const isShadow = stage === 'shadow'
    const by: Used = {
      record: { name, version, sha256, stage, scores: isShadow ? scores : [], value: null, failed: null },
      spared: isShadow || isOfCustomers || baseline !== null || (stage === 'canary' && promotion.guardrails.active),
      baseline,
      indices: isOfCustomers ? [] : candidates.flatMap(({ item }, at) => (item.kind === manifest.kind ? [at] : [])),
      scores,
    }
    made.used.push(by)
    if (!isOfCustomers && by.indices.length === 0) continue
    try {
      let part: Part
      if (isOfCustomers) part = { draft: made, by, rows: customerRow(manifest, update), count: 1 }
      else {
        const items = by.indices.map(index => candidates[index]!.item)
        const { rows, pairs } = inputsOf(manifest, update, update.at, items, playbook)
        if (!isShadow) for (const [row, index] of by.indices.entries()) candidates[index]!.pairs = pairs[row]!
        part = { draft: made, by, rows, count: items.length }
      }
      const parts = work.get(model)
      if (parts === undefined) work.set(model, [part])
      else parts.push(part)
    } catch (error) {
      if (!(error instanceof InfiniteInput)) throw error
      fail(made, by, 'infinite-input')
    }
  }
  return made
}

type Looking = {
  readonly promotion: ModelPromotion
  readonly stage: ModelPromotion['stage']
  readonly baseline: ModelPromotion | null
}

/** Every version that looks at an update: those that serve, the baselines of those on trial, shadows. */
function lookingAt({ customer, at }: FeatureUpdate, playbook: Playbook): Looking[] {
  const serving = promotionsFor(playbook, customer).map(promotion => ({
    promotion,
    stage: promotion.stage,
    baseline: baselineOf(playbook, promotion, at),
  }))
  const beside = [
    ...serving.flatMap(({ baseline }) => baseline ?? []),
    ...[...playbook.promotions.values()].filter(({ stage }) => stage === 'shadow'),
  ]
  return [...serving, ...beside.map(promotion => ({ promotion, stage: 'shadow' as const, baseline: null }))]
}

const refusedDraft = (playbook: Playbook, refused: string): Draft => ({ playbook, candidates: [], used: [], refused })

const isInfinite = (x: number): boolean => x === Infinity || x === -Infinity

function fail(draft: Draft, { record, spared }: Used, reason: string): void {
  if (!spared) draft.refused = reason
  else if (record.stage !== 'shadow') record.failed = reason
}

async function score(model: Model, parts: readonly Part[]): Promise<void> {
  const rows = new Float32Array(parts.reduce((sum, part) => sum + part.rows.length, 0))
  let at = 0
  for (const part of parts) {
    rows.set(part.rows, at)
    at += part.rows.length
  }
  const count = parts.reduce((sum, part) => sum + part.count, 0)
  const scores = await model.scorer.score(rows, count).catch((error: unknown) => {
    if (parts.some(({ by }) => by.record.stage !== 'shadow')) throw error
    return null
  })
  if (scores === null) return
  let next = 0
  for (const { draft, by, count } of parts) {
    const own = scores.subarray(next, next + count)
    next += count
    if (by.record.stage !== 'shadow' && own.some(Number.isNaN)) fail(draft, by, 'nan-score')
    else if (by.indices.length === 0) by.record.value = known(own[0]!)
    else for (const [row, index] of by.indices.entries()) by.scores[index] = known(own[row]!)
  }
}

const known = (score: number): number | null => (Number.isNaN(score) ? null : score)

/** Candidates get the scores of what serves; a failed version's those of its baseline. */
function serve({ candidates, used }: Draft): void {
  for (const { record, baseline, indices, scores } of used) {
    if (record.stage === 'shadow') continue
    const instead =
      record.failed === null ? null : used.find(each => each.record.stage === 'shadow' && isOf(each.record, baseline))
    for (const index of indices) candidates[index]!.score = (instead?.scores ?? scores)[index]!
  }
}

const isOf = ({ name, version }: ModelUsed, promotion: ModelPromotion | null): boolean =>
  name === promotion?.name && version === promotion.version
