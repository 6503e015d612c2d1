import { type Playbook, promotionsFor } from '@offerstream/catalogue'
import type { CatalogueItem, FeatureUpdate, ModelPromotion, ModelUsed } from '@offerstream/contracts'
import { fingerprint } from '@offerstream/features'
import { candidatesFor, type Scored } from '@offerstream/policy'
import { InfiniteInput, inputsOf, type Model, type Models } from '@offerstream/ranker'

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
 * beside the models that serve; what they say, or that they fail, changes nothing but the record.
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
  return drafts.map(({ playbook, candidates, used, refused }) =>
    refused !== null
      ? { kind: 'refused', reason: refused }
      : { kind: 'scored', playbook, candidates: candidates as readonly Scored[], models: used },
  )
}

type Draft = {
  readonly playbook: Playbook
  readonly candidates: { item: CatalogueItem; pairs: readonly number[]; score: number | null }[]
  readonly used: ModelUsed[]
  refused: string | null
}

/** Rows of one draft for one model, and the candidates they are about. `shadow` takes the scores of one that is not used. */
type Part = {
  readonly draft: Draft
  readonly indices: readonly number[]
  readonly rows: Float32Array
  readonly shadow: (number | null)[] | null
}

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
  for (const { name, version, sha256, stage } of [
    ...promotionsFor(playbook, update.customer),
    ...shadowsOf(playbook),
  ]) {
    const model = await models.load({ name, version, sha256 })
    const indices = candidates.flatMap(({ item }, index) => (item.kind === model.manifest.kind ? [index] : []))
    const shadow = stage === 'shadow' ? new Array<number | null>(candidates.length).fill(null) : null
    made.used.push({ name, version, sha256, stage, scores: shadow ?? [] })
    if (indices.length === 0) continue
    try {
      const items = indices.map(index => candidates[index]!.item)
      const { rows, pairs } = inputsOf(model.manifest, update, update.at, items, playbook)
      if (shadow === null) for (const [row, index] of indices.entries()) candidates[index]!.pairs = pairs[row]!
      const parts = work.get(model)
      const part = { draft: made, indices, rows, shadow }
      if (parts === undefined) work.set(model, [part])
      else parts.push(part)
    } catch (error) {
      if (!(error instanceof InfiniteInput)) throw error
      if (shadow === null) made.refused = 'infinite-input'
    }
  }
  return made
}

const shadowsOf = (playbook: Playbook): ModelPromotion[] =>
  [...playbook.promotions.values()].filter(({ stage }) => stage === 'shadow')

const refusedDraft = (playbook: Playbook, refused: string): Draft => ({ playbook, candidates: [], used: [], refused })

const isInfinite = (x: number): boolean => x === Infinity || x === -Infinity

async function score(model: Model, parts: readonly Part[]): Promise<void> {
  const rows = new Float32Array(parts.reduce((sum, part) => sum + part.rows.length, 0))
  let at = 0
  for (const part of parts) {
    rows.set(part.rows, at)
    at += part.rows.length
  }
  const count = parts.reduce((sum, part) => sum + part.indices.length, 0)
  const scores = await model.scorer.score(rows, count).catch((error: unknown) => {
    if (parts.some(part => part.shadow === null)) throw error
    return null
  })
  if (scores === null) return
  let next = 0
  for (const { draft, indices, shadow } of parts)
    for (const index of indices) {
      const value = scores[next++]!
      if (shadow !== null) shadow[index] = Number.isNaN(value) ? null : value
      else {
        if (Number.isNaN(value)) draft.refused = 'nan-score'
        draft.candidates[index]!.score = value
      }
    }
}
