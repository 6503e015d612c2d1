import type { Playbook } from '@offerstream/catalogue'
import { avroCodec, type ContactHistory, type Decision } from '@offerstream/contracts'
import { decide, remember } from '@offerstream/policy'
import type { Models } from '@offerstream/ranker'
import { type Prepared, prepare } from './prepare.ts'

/** Scores this near are the same score: bytes hang on neither kernel nor batch size. */
const nearEnough = 1e-6

export type PreparedAgain = {
  readonly prepared: Prepared
  /** Scores further than that from the recorded ones; ours are used. */
  readonly scoresApart: number
}

/**
 * Prepares recorded decisions anew. All a replay takes from the record is the playbook's version, what was answered of
 * stock and budgets, and scores that equal its own within 1e-6.
 */
export async function prepareAgain(
  recorded: readonly Decision[],
  playbookAt: (version: number) => Playbook,
  models: Models,
): Promise<PreparedAgain[]> {
  const anew = await prepare(
    recorded.map(decision => decision.update),
    recorded.map(decision => playbookAt(decision.playbookVersion)),
    models,
  )
  return anew.map((prepared, index) => {
    if (prepared.kind === 'refused') return { prepared, scoresApart: 0 }
    const { candidates: said, models: saidByModels } = recorded[index]!
    let scoresApart = 0
    const settle = (ours: number | null, theirs: number | null | undefined): number | null => {
      if (ours === null || theirs === undefined || theirs === null) return ours
      if (Math.abs(ours - theirs) <= nearEnough) return theirs
      scoresApart++
      return ours
    }
    const byItem = new Map(said.map(each => [each.item, each]))
    const candidates = prepared.candidates.map(candidate => {
      const theirs = byItem.get(candidate.item.name)
      return { ...candidate, score: settle(candidate.score, theirs?.score) }
    })
    // What a shadow said stands on the record too.
    const used = prepared.models.map((model, at) => ({
      ...model,
      scores: model.scores.map((score, candidate) => settle(score, saidByModels[at]?.scores[candidate])),
      value: settle(model.value, saidByModels[at]?.value),
    }))
    return { prepared: { ...prepared, candidates, models: used }, scoresApart }
  })
}

export type Replayed = {
  /** Null where no decision could be taken. */
  readonly decision: Decision | null
  readonly history: ContactHistory
  /** The bytes of the record, to the last one. */
  readonly same: boolean
}

/** Decides a recorded decision again, from the replay's own history. */
export function replayStep(history: ContactHistory, recorded: Decision, { prepared }: PreparedAgain): Replayed {
  if (prepared.kind === 'refused') return { decision: null, history, same: false }
  const { id, update, reservations, budgets } = recorded
  const decision = decide({ id, at: update.at, update, reservations, budgets, ...prepared }, history, prepared.playbook)
  const same = codec.encode(decision).equals(codec.encode(recorded))
  return { decision, history: remember(history, decision), same }
}

const codec = avroCodec('decision')
