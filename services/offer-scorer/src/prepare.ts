import { type Playbook, promotionsFor } from '@offerstream/catalogue'
import type { CatalogueItem, FeatureUpdate, ModelUsed } from '@offerstream/contracts'
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

/** Candidates and scores for a batch, one call per model for all of it. `playbooks` has one for each update. */
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

/** Rows of one draft for one model, and the candidates they are about. */
type Part = { readonly draft: Draft; readonly indices: readonly number[]; readonly rows: Float32Array }

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
  for (const { name, version, sha256, stage } of promotionsFor(playbook, update.customer)) {
    const model = await models.load({ name, version, sha256 })
    const indices = candidates.flatMap(({ item }, index) => (item.kind === model.manifest.kind ? [index] : []))
    made.used.push({ name, version, sha256, stage })
    if (indices.length === 0) continue
    try {
      const items = indices.map(index => candidates[index]!.item)
      const { rows, pairs } = inputsOf(model.manifest, update, update.at, items, playbook)
      for (const [row, index] of indices.entries()) candidates[index]!.pairs = pairs[row]!
      const parts = work.get(model)
      const part = { draft: made, indices, rows }
      if (parts === undefined) work.set(model, [part])
      else parts.push(part)
    } catch (error) {
      if (!(error instanceof InfiniteInput)) throw error
      made.refused = 'infinite-input'
    }
  }
  return made
}

const refusedDraft = (playbook: Playbook, refused: string): Draft => ({ playbook, candidates: [], used: [], refused })

const isInfinite = (x: number): boolean => x === Infinity || x === -Infinity

async function score(model: Model, parts: readonly Part[]): Promise<void> {
  const rows = new Float32Array(parts.reduce((sum, part) => sum + part.rows.length, 0))
  let at = 0
  for (const part of parts) {
    rows.set(part.rows, at)
    at += part.rows.length
  }
  const scores = await model.scorer.score(
    rows,
    parts.reduce((sum, part) => sum + part.indices.length, 0),
  )
  let next = 0
  for (const { draft, indices } of parts)
    for (const index of indices) {
      const value = scores[next++]!
      if (Number.isNaN(value)) draft.refused = 'nan-score'
      draft.candidates[index]!.score = value
    }
}
