// A recorded decision once more by another playbook: what would be different, and which records make it so.
import { applyRecord, type Playbook, promotionKey } from '@offerstream/catalogue'
import type { Candidate, Decision, ModelPromotion } from '@offerstream/contracts'
import { ModelRefused, type Models } from '@offerstream/ranker'
import type { ChangedRecord } from './explanation.ts'
import { differences } from './playbook-history.ts'
import { prepareAgain, replayStep } from './replay.ts'

/** What a decision says of a candidate. */
export type Verdict = Pick<Candidate, 'refused' | 'score' | 'valueMinor' | 'rank' | 'propensity'>

export type Again = {
  readonly playbookVersion: number
  /** Why no decision can be taken again; null where one was. */
  readonly refused: string | null
  /** No verdict, choice or reason differs. */
  readonly same: boolean
  readonly was: Outcome
  readonly now: Outcome | null
  /** Records that make the choice another one, each by itself; `together` where no single one does. */
  readonly because: readonly string[]
  /** In the order of the catalogue; null where it was no candidate. */
  readonly changed: readonly {
    readonly item: string
    readonly was: Verdict | null
    readonly now: Verdict | null
    readonly because: readonly string[]
  }[]
  /** The records behind it, with what they change. */
  readonly causes: readonly ChangedRecord[]
  /** Promoted models that cannot be loaded, and were left out. */
  readonly notes: readonly string[]
}

type Outcome = Pick<Decision, 'chosen' | 'reason' | 'explored' | 'propensity' | 'noOfferPropensity'>

/** With more changed records than this nobody is told which of them does what. */
const mostCauses = 50
const together = 'several changes together'
const unlike = 'this version of the software, by the playbook of then'

/**
 * Decides the same request, with its features, history and answers of stock and budgets, by another playbook. What a record
 * does is found by trying: it alone is put on top of the playbook of then.
 */
export async function decideAgain(
  decision: Decision,
  playbooks: { readonly then: Playbook; readonly today: Playbook },
  models: Models,
): Promise<Again> {
  const changed = differences(playbooks.then, playbooks.today)
  const tried = changed.length > mostCauses ? [] : changed
  const alone = tried.map(({ body }) => applyRecord(playbooks.then, { at: 0, body }, playbooks.then.version))
  const { usable, notes } = await withoutRefused([playbooks.today, playbooks.then, ...alone], models)
  // A copy for each playbook, told apart by a version that is its place.
  const copies = usable.map((_, place) => ({ ...decision, playbookVersion: place }))
  const prepared = await prepareAgain(copies, place => usable[place]!, models)
  const decided = copies.map((copy, place) => replayStep(decision.history, copy, prepared[place]!).decision)
  const [now, then, ...byCause] = decided
  const { prepared: first } = prepared[0]!
  const nothing = { because: [], changed: [], causes: [], notes }
  if (now == null)
    return {
      playbookVersion: playbooks.today.version,
      refused: first.kind === 'refused' ? first.reason : 'refused',
      same: false,
      was: outcomeOf(decision),
      now: null,
      ...nothing,
    }
  const names = tried.map(({ body }) => `${body.type} ${body.name}`)
  /** Which records alone make what `of` reads another thing than the playbook of then does. */
  const because = (of: (each: Decision) => unknown): readonly string[] => {
    const base = then == null ? null : JSON.stringify(of(then))
    if (base !== JSON.stringify(of(decision))) return [unlike]
    const found = names.filter((_, index) => {
      const other = byCause[index]
      return other != null && JSON.stringify(of(other)) !== base
    })
    return found.length > 0 ? found : [together]
  }
  const items = [...new Set([...now.candidates, ...decision.candidates].map(({ item }) => item))]
  const differing = items.flatMap(item => {
    const [was, is] = [verdictOf(decision, item), verdictOf(now, item)]
    return JSON.stringify(was) === JSON.stringify(is)
      ? []
      : [{ item, was, now: is, because: because(each => verdictOf(each, item)) }]
  })
  const isOther = JSON.stringify(outcomeOf(now)) !== JSON.stringify(outcomeOf(decision))
  const choice = isOther ? because(outcomeOf) : []
  const behind = new Set([...choice, ...differing.flatMap(each => each.because)])
  return {
    playbookVersion: playbooks.today.version,
    refused: null,
    same: !isOther && differing.length === 0,
    was: outcomeOf(decision),
    now: outcomeOf(now),
    because: choice,
    changed: differing,
    causes: changed
      .map(({ body, changes }) => ({ type: body.type, name: body.name, changes }))
      .filter(({ type, name }) => behind.has(`${type} ${name}`)),
    notes,
  }
}

const outcomeOf = ({ chosen, reason, explored, propensity, noOfferPropensity }: Decision): Outcome => ({
  chosen,
  reason,
  explored,
  propensity: rounded(propensity)!,
  noOfferPropensity: rounded(noOfferPropensity)!,
})

function verdictOf({ candidates }: Decision, name: string): Verdict | null {
  const found = candidates.find(({ item }) => item === name)
  if (found === undefined) return null
  const { refused, score, valueMinor, rank, propensity } = found
  return {
    refused,
    score: rounded(score),
    valueMinor: rounded(valueMinor),
    rank,
    propensity: rounded(propensity)!,
  }
}

/** Differences nobody cares for are none. */
const rounded = (value: number | null): number | null => (value === null ? null : Number(value.toPrecision(9)))

/** A scorer passes over a promotion whose model it cannot load; so is it here. */
async function withoutRefused(
  playbooks: readonly Playbook[],
  models: Models,
): Promise<{ usable: readonly Playbook[]; notes: readonly string[] }> {
  const wanted = new Map<string, ModelPromotion>()
  for (const { promotions } of playbooks)
    for (const each of promotions.values())
      if (each.stage !== 'retired') wanted.set(`${promotionKey(each)}/${each.sha256}`, each)
  const refused = new Map<string, string>()
  for (const [key, promotion] of wanted)
    await models.load(promotion).catch(error => {
      if (!(error instanceof ModelRefused)) throw error
      refused.set(key, error.message)
    })
  if (refused.size === 0) return { usable: playbooks, notes: [] }
  const isRight = (each: ModelPromotion): boolean => !refused.has(`${promotionKey(each)}/${each.sha256}`)
  return {
    usable: playbooks.map(playbook => ({
      ...playbook,
      promotions: new Map([...playbook.promotions].filter(([, each]) => isRight(each))),
    })),
    notes: [...refused.values()],
  }
}
