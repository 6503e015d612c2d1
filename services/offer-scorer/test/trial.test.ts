import { trialsOf } from '@offerstream/catalogue'
import { type Decision, type ModelPromotion, unit } from '@offerstream/contracts'
import { names } from '@offerstream/features'
import { describe, expect, it } from 'vitest'
import { type Evidence, merged, observe, trippedBy } from '../src/trial.ts'
import { at, facts, foldOf, records, updateOf } from './given.ts'

const champion = records.findLast(({ body }) => body.type === 'model')!.body as ModelPromotion
const canary: ModelPromotion = { ...champion, version: '2', stage: 'canary', share: 0.2 }
const playbook = foldOf([...records, { at, body: canary }])
const [trial] = trialsOf(playbook, at)
const minute = 60_000

const lastBought = (days: number) =>
  updateOf('c', { features: updateOf('c').features.map((x, index) => (names[index] === 'days_since_plan' ? days : x)) })
const [buying, browsing] = [lastBought(0), lastBought(5)]

/** How a version differs from the champion, whose scores are fair and whose offers are bought 6 times in 100. */
type Ways = {
  readonly score?: (fair: number, index: number) => number
  readonly failing?: number
  readonly offering?: number
  readonly bought?: number
  readonly rejected?: number
}

/** One decision after another, of as many customers; one in five is the canary's. */
function* decisions(seed: number, count: number, ways: Ways): Iterable<Decision> {
  for (let index = 0; index < count; index++) {
    const chance = (what: string): number => unit(`${seed}/${what}/${index}`)
    const isOwn = chance('customer') < canary.share
    const {
      score = (fair: number) => fair,
      failing = 0,
      offering = 0.3,
      bought = 0.06,
      rejected = 0.1,
    } = isOwn ? ways : {}
    const fair = [0.2, 0.1, 0.05].map((top, place) => top * (0.2 + chance(`score${place}`)))
    const isFailed = isOwn && chance('failing') < failing
    const scores = fair.map((each, place) => (isOwn && !isFailed ? score(each, index * 3 + place) : each))
    const isBuying = chance('bought') < bought
    const then = at + index * minute
    const model = { name: champion.name, sha256: champion.sha256, value: null, failed: null }
    yield {
      ...({ arms: [], reservations: [], budgets: [], propensity: 1, noOfferPropensity: 0, draw: 0 } as const),
      ...({ explored: false, reason: 'best-value', sequence: null, expiresAt: null, channel: null } as const),
      id: `d${index}`,
      customer: `c${index}`,
      at: then,
      playbookVersion: playbook.version,
      update: {
        ...(isBuying ? buying : browsing),
        at: then,
        trigger: { kind: isBuying ? 'purchase' : 'app-opened', event: 'e', at: then },
        facts: { ...facts, rejections: chance('rejected') < rejected ? [{ item: 'smart-10', at: then }] : [] },
      },
      models: isOwn
        ? [
            { ...model, version: '2', stage: 'canary', scores: [], failed: isFailed ? 'nan-score' : null },
            { ...model, version: '1', stage: 'shadow', scores: fair },
          ]
        : [{ ...model, version: '1', stage: 'champion', scores: [] }],
      candidates: ['smart-10', 'smart-15', 'smart-25'].map((item, place) => ({
        ...{ item, refused: null, pairs: [], uplift: null, valueMinor: 1, rank: place + 1, propensity: 0 },
        score: scores[place]!,
      })),
      history: { sequence: 1, offered: [{ at: then - minute, item: 'smart-10', channel: 'push', capped: true }] },
      chosen: chance('offer') < offering ? 'smart-10' : null,
    }
  }
}

/** After how many of its decisions the canary goes, and why; null where it stays. */
function judged(seed: number, count: number, ways: Ways): { after: number; why: string } | null {
  let evidence: Evidence | undefined
  for (const decision of decisions(seed, count, ways)) {
    evidence = observe(evidence, decision, trial!, playbook)
    const why = evidence === undefined ? null : trippedBy(evidence, canary.guardrails)
    if (why !== null) return { after: evidence!.decisions, why }
  }
  return null
}

describe('a canary', () => {
  it.each<[string, Ways, number, RegExp]>([
    ['that answers the same to everybody', { score: () => 0.1 }, 20, /^spreadShare: scores lie 0 apart/],
    ['that says three times too much', { score: fair => Math.min(1, fair * 3) }, 60, /^meanRatio: .*at most 2 times/],
    ['that says a third', { score: fair => fair / 3 }, 60, /^meanRatio: .*at least 1\/2/],
    ['that says ten times too much', { score: fair => Math.min(1, fair * 10) }, 20, /^meanRatio/],
    ['that mostly gives no score', { failing: 0.9 }, 20, /^failedShare: no score in \d+ of \d+/],
    ['that gives none once in ten times', { failing: 0.1 }, 300, /^failedShare/],
    ['whose customers get hardly any offer', { offering: 0.02 }, 1500, /^offerRatio: .*at least 1\/2/],
    ['whose customers get four times the offers', { offering: 0.95 }, 500, /^offerRatio/],
    ['whose offers nobody buys', { bought: 0 }, 1500, /^acceptanceRatio: 0 purchases/],
    ['whose offers are rejected three times as often', { rejected: 0.3 }, 1500, /^rejectionRatio/],
  ])('%s is found out', (_what, ways, within, why) => {
    for (let seed = 1; seed <= 5; seed++) {
      const found = judged(seed, 5 * within + 100, ways)
      expect(found?.why).toMatch(why)
      expect(found!.after).toBeLessThan(within)
    }
  })

  it('that is as good as the champion stays, with scores of its own, in each of 200 runs of 2,000 decisions', () => {
    const own = (fair: number, index: number): number => fair * (0.5 + unit(`own/${index}`))
    const found = Array.from({ length: 200 }, (_, seed) => judged(seed + 100, 2000, { score: own, failing: 0.002 }))
    expect(found.filter(each => each !== null)).toEqual([])
  })
})

it('evidence of partitions adds up to that of the whole, whichever comes first', () => {
  const ways = { failing: 0.02 }
  const parts = [1, 2, 3].map(seed =>
    [...decisions(seed, 300, ways)].reduce<Evidence | undefined>(
      (evidence, decision) => observe(evidence, decision, trial!, playbook),
      undefined,
    ),
  ) as Evidence[]
  const [a, b, c] = parts as [Evidence, Evidence, Evidence]
  const sum = merged(merged(a, b), c)
  expect({ ...merged(c, merged(b, a)), first: null }).toEqual({ ...sum, first: null })
  expect(sum.decisions).toBe(a.decisions + b.decisions + c.decisions)
})

it('what was seen of an earlier promotion of the same version says nothing of a later one', () => {
  const before = [...decisions(1, 100, { failing: 1 })].reduce<Evidence | undefined>(
    (evidence, decision) => observe(evidence, decision, trial!, playbook),
    undefined,
  )
  expect(trippedBy(before!, canary.guardrails)).not.toBeNull()
  const again = foldOf([...records, { at, body: canary }, { at, body: canary }])
  const [later] = trialsOf(again, at)
  const [decision] = decisions(2, 1, {})
  const own = [...decisions(2, 20, {})].find(({ models }) => models[0]!.version === '2') ?? decision!
  const fresh = observe(before, own, later!, again)
  expect(fresh).toMatchObject({ since: later!.since.version, decisions: 1, failed: 0 })
})
