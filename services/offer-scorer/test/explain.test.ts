import type { Playbook } from '@offerstream/catalogue'
import type { CatalogueItem, ContactHistory, ContactPolicy, Decision, PlaybookRecord } from '@offerstream/contracts'
import { fingerprint, names } from '@offerstream/features'
import { emptyHistory, rules } from '@offerstream/policy'
import { createModels, modelsFolder } from '@offerstream/ranker'
import { memoryLog, openTopic, partitionOf } from '@offerstream/streaming'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { type Explainer, openExplainer } from '../src/explain.ts'
import { createScorer } from '../src/index.ts'
import { refusals } from '../src/refusals.ts'
import { at, foldOf, received, records, registry, topics, updateOf } from './given.ts'

type Body = PlaybookRecord['body']
const partitions = 2
const customer = 'c-1'
const partition = partitionOf(customer, partitions)
const hour = 60 * 60 * 1000
const models = createModels(modelsFolder)
afterAll(() => models.close())

const policy = {
  ...(records.find(({ body }) => body.type === 'contact_policy')!.body as ContactPolicy),
  explorationShare: 0,
}
const promotion = records.find(({ body }) => body.type === 'model')!.body
const quiet: PlaybookRecord[] = [...records, { at: 0, body: policy }]
const deliveries = await openTopic(registry, 'deliveries')
const journal = await openTopic(registry, 'customer-events')

/** What a scorer decides by these records. */
async function decided(
  by: readonly PlaybookRecord[],
  { id = 'd-1', history = emptyHistory, moment = at }: { id?: string; history?: ContactHistory; moment?: number } = {},
): Promise<Decision> {
  const scorer = createScorer({ ...topics, playbook: () => foldOf(by), models })
  const batch = [received(updateOf(customer, { id, at: moment }))]
  const outcome = scorer.step(history, batch[0]!, (await scorer.prepare!(batch))[0]!)
  if (outcome.kind !== 'done') throw new Error('no decision')
  return { ...(outcome.emit[0]!.value as Decision), playbookVersion: by.length - 1 }
}

let log: ReturnType<typeof memoryLog>
let explainer: Explainer
beforeEach(async () => {
  log = memoryLog()
  await log.ensureTopics([
    { name: 'playbook', partitions: 1, kept: 'for-ever' },
    ...['decisions', 'deliveries', 'customer-events'].map(name => ({ name, partitions, kept: 'for-ever' as const })),
  ])
  return () => explainer?.stop()
})
const put = (...added: readonly PlaybookRecord[]) =>
  log.append(
    'playbook',
    0,
    added.map(record => ({
      key: record.body.name,
      value: topics.playbook.codec.encode(record),
      headers: { by: 'mara' },
    })),
  )
const write = (...all: readonly Decision[]) =>
  log.append(
    'decisions',
    partition,
    all.map(each => ({ key: each.customer, value: topics.decisions.codec.encode(each) })),
  )
const explain = async (more: Parameters<Explainer['explain']>[1] | object = {}) => {
  explainer = await openExplainer({ log, registry, prefix: '' }, models)
  return explainer.explain(customer, { days: 30, ...more })
}
const explained = async (more: object = {}) => {
  const { explanation } = await explain(more)
  if (explanation === null) throw new Error('nothing found')
  return explanation
}

describe('an explanation', () => {
  it('has every feature, candidate, cap and what it was decided by', async () => {
    const shadow = { ...promotion, stage: 'shadow' } as Body
    const lever: Body = {
      type: 'lever',
      name: 'push-l',
      item: 'smart-10',
      category: null,
      factor: 2,
      active: true,
      score: null,
    }
    const all = [...quiet, { at: 0, body: lever }]
    const decision = await decided(all, {
      history: { sequence: 1, offered: [{ at: at - 26 * hour, item: 'smart-10', channel: 'push', capped: true }] },
    })
    await put(...all)
    await write(decision)
    const found = await explained()
    expect(found).toMatchObject({
      customer,
      decision: 'd-1',
      at,
      chosen: decision.chosen,
      reason: 'best-value',
      says: 'it was worth most',
      noOfferPropensity: 0,
      propensity: 1,
      explored: false,
      fingerprint,
      followedWhole: true,
      again: null,
      playbook: { version: all.length - 1, by: 'mara', record: 'lever push-l', now: all.length - 1, changedSince: [] },
      caps: expect.arrayContaining([{ what: 'offers in 7 days', used: 1, limit: policy.offersPerWeek }]),
      offered: [{ item: 'smart-10' }],
      models: [{ name: 'plan-ranker', version: '1' }],
    })
    expect(Object.keys(found.features)).toEqual(names)
    expect(found.features['data_mb_30d']).toBe(8192)
    expect(found.features['quiet_days']).toBeNull()
    expect(found.candidates).toHaveLength(decision.candidates.length)
    expect(found.candidates[0]).toMatchObject({ item: decision.chosen, verdict: 'chosen', rank: 1, says: '' })
    expect(found.candidates[0]!.pairs['price_to_charge']).toBeTypeOf('number')
    const own = found.candidates.find(({ item }) => item === 'smart-6')!
    expect(own).toMatchObject({ verdict: 'refused', refused: 'has-it', says: 'the customer has it already' })
    const before = found.candidates.find(({ item }) => item === 'smart-10')!
    expect(before).toMatchObject({
      refused: 'offered-before',
      says: expect.stringMatching(/^it was offered on 2025-01-05 10:00, and is again after \d+ days$/),
    })
    const ranks = found.candidates.map(({ rank }) => rank ?? Number.MAX_SAFE_INTEGER)
    expect(ranks).toEqual(ranks.toSorted((a, b) => a - b))

    const shaded = await decided([...records.filter(({ body }) => body.type !== 'model'), { at: 0, body: shadow }], {
      id: 'd-2',
    })
    await write(shaded)
    const { candidates, reason } = await explained()
    expect(candidates[0]!.shadows).toEqual([{ model: 'plan-ranker/1', score: expect.any(Number) }])
    expect(['nothing-scored', 'explored']).toContain(reason)
  })

  it('is of the newest decision, of the newest at a moment, or of an id; of another customer never', async () => {
    await put(...quiet)
    const three = [0, 1, 2].map(days => decided(quiet, { id: `d-${days}`, moment: at + days * 24 * hour }))
    await write(...(await Promise.all(three)), { ...(await three[0]!), id: 'other', customer: 'c-9' })
    expect((await explained()).decision).toBe('d-2')
    expect((await explained({ at: at + 30 * hour })).decision).toBe('d-1')
    expect((await explained({ decision: 'd-0' })).decision).toBe('d-0')
    expect((await explain({ at: at - 1 })).explanation).toBeNull()
    expect((await explain({ decision: 'other' })).explanation).toBeNull()
    expect((await explain({ decision: 'other' })).searched).toMatchObject({ records: 4, endedBy: 'start' })
  })

  it('shows what became of the push, and what the customer did about the offer', async () => {
    await put(...quiet)
    const decision = await decided(quiet)
    await write(decision)
    const push = (id: string, state: 'sending' | 'accepted' | 'suppressed', after: number, offer = 'd-1') => ({
      ...{ type: 'delivery', id, customer, at: at + after, offer, item: decision.chosen!, channel: 'push' },
      ...{ provider: 'web-push', state, reason: null, device: null, trigger: 'allowance-used' },
    })
    await log.append(
      'deliveries',
      partition,
      [push('p-2', 'accepted', 2000), push('p-1', 'sending', 1000), push('p-3', 'suppressed', 3000, 'd-0')].map(
        each => ({
          key: customer,
          value: deliveries.codec.encode(each as never),
        }),
      ),
    )
    const engagement = { type: 'engagement', customer, surface: 'push', offer: 'd-1', interaction: null }
    const purchase = { ...{ type: 'purchase', customer, quantity: 1, priceMinor: 1999, currency: 'EUR' } }
    const events = [
      { ...engagement, id: 'e-1', at: at + 5000, kind: 'opened', item: decision.chosen },
      { ...engagement, id: 'e-0', at: at - 5000, kind: 'opened', item: 'smart-1', offer: 'd-0' },
      { ...purchase, id: 'b-1', at: at + 9000, item: decision.chosen },
      { ...purchase, id: 'b-2', at: at + 9000, item: 'socks' },
      { ...purchase, id: 'b-3', at: at + 90 * 24 * hour, item: decision.chosen },
    ]
    await log.append(
      'customer-events',
      partition,
      events.map(event => ({
        key: customer,
        value: journal.codec.encode({
          journalledAt: at,
          triggers: true,
          item: null,
          event: { channel: 'app', offer: null, discountMinor: 0, ...event },
        } as never),
      })),
    )
    const { pushes, answers } = await explained()
    expect(pushes.map(each => [each.at - at, each.state])).toEqual([
      [1000, 'sending'],
      [2000, 'accepted'],
    ])
    expect(answers).toEqual([
      { at: at + 5000, what: 'opened', item: decision.chosen, accepted: false },
      { at: at + 9000, what: 'bought', item: decision.chosen, accepted: true },
    ])
  })

  it('says what changed in the playbook since', async () => {
    const item = quiet[0]!.body as CatalogueItem
    await put(...quiet, { at: 0, body: { ...item, priceMinor: item.priceMinor + 100 } })
    await write(await decided(quiet))
    const { playbook } = await explained()
    expect(playbook).toMatchObject({ version: quiet.length - 1, now: quiet.length })
    expect(playbook.changedSince).toEqual([
      {
        type: 'item',
        name: item.name,
        changes: [{ field: 'priceMinor', from: item.priceMinor, to: item.priceMinor + 100 }],
      },
    ])
  })
})

describe('words', () => {
  it('are there for every rule of the list, and for nothing else', () => {
    expect(Object.keys(refusals).sort()).toEqual(rules.map(({ why }) => why).sort())
  })
  it('name the rule of marketing’s that refused', async () => {
    const rule: Body = {
      ...{ type: 'rule', name: 'no-tens', why: 'not-ten', active: true },
      when: [
        {
          ...{ subject: 'item', field: 'name', operator: 'eq', text: 'smart-10' },
          ...{ number: null, numbers: [], texts: [], of: [] },
        },
      ],
    }
    const all = [...quiet, { at: 0, body: rule }]
    await put(...all)
    await write(await decided(all))
    const { candidates } = await explained()
    expect(candidates.find(({ item }) => item === 'smart-10')).toMatchObject({
      refused: 'not-ten',
      says: 'rule no-tens of the playbook',
    })
  })
})

describe('deciding again', () => {
  const again = async (change: readonly Body[], top?: (today: Playbook) => Playbook) => {
    await put(...quiet)
    const decision = await decided(quiet)
    await write(decision)
    await put(...change.map(body => ({ at: 0, body })))
    const { again: found } = await explained({ again: top ?? ((today: Playbook) => today) })
    return { found: found!, decision }
  }
  const itemOf = (name: string) =>
    quiet.map(({ body }) => body).find((body): body is CatalogueItem => body.type === 'item' && body.name === name)!
  const kill = (name: string, target: string): Body => ({ type: 'kill_switch', name, scope: 'item', target, on: true })

  it('by the same playbook is the same', async () => {
    const { found } = await again([])
    expect(found).toMatchObject({ same: true, refused: null, because: [], changed: [], causes: [], notes: [] })
  })
  it('names the record that takes the choice away, and not the one that has nothing to do with it', async () => {
    const chosen = (await decided(quiet)).chosen!
    const { found } = await again([kill('halt', chosen), { ...policy, validHours: policy.validHours + 1 }])
    expect(found.same).toBe(false)
    expect(found.was.chosen).toBe(chosen)
    expect(found.now!.chosen).not.toBe(chosen)
    expect(found.because).toEqual(['kill_switch halt'])
    const gone = found.changed.find(({ item }) => item === chosen)!
    expect(gone).toMatchObject({ was: { refused: null, rank: 1 }, now: { refused: 'stopped', rank: null } })
    expect(found.causes.map(({ type, name }) => `${type} ${name}`)).toEqual(['kill_switch halt'])
  })
  it('tells the records apart of which each changed a candidate, and shows a new one', async () => {
    const others = (await decided(quiet)).candidates.filter(({ refused, rank }) => refused === null && rank !== 1)
    const [first] = others.map(({ item }) => itemOf(item))
    const dearer: Body = { ...first!, priceMinor: Math.round(first!.priceMinor * 1.05) }
    const fresh: Body = { ...first!, name: 'smart-new' }
    const { found } = await again([dearer, fresh])
    expect(found.changed.find(({ item }) => item === first!.name)!.because).toContain(`item ${first!.name}`)
    expect(found.changed.find(({ item }) => item === 'smart-new')).toMatchObject({
      was: null,
      now: expect.objectContaining({ score: expect.any(Number) }),
      because: ['item smart-new'],
    })
  })
  it('says so where only several changes together make the difference', async () => {
    const { candidates } = await decided(quiet)
    const best = candidates.find(({ rank }) => rank === 1)!
    const last = candidates.filter(({ rank }) => rank !== null).sort((one, other) => other.rank! - one.rank!)[0]!
    const ratio = best.valueMinor! / last.valueMinor!
    expect(ratio).toBeGreaterThan(1)
    const half = (name: string): Body => ({
      ...{ type: 'lever', name, item: last.item, category: null, active: true, score: null },
      factor: ratio ** 0.6,
    })
    const { found } = await again([half('one'), half('other')])
    expect(found.now!.chosen).toBe(last.item)
    expect(found.because).toEqual(['several changes together'])
    expect(found.changed.find(({ item }) => item === last.item)!.because).toEqual(['lever one', 'lever other'])
  })
  it('takes records put on top, of which the topic knows nothing', async () => {
    const { found } = await again([], today => ({
      ...today,
      contactPolicies: new Map([['default', { ...policy, minimumValueMinor: 1e9 }]]),
    }))
    expect(found.now).toMatchObject({ chosen: null, reason: 'below-minimum-value' })
    expect(found.because).toEqual(['contact_policy default'])
  })
  it('leaves out a promoted model that cannot be loaded, and says so', async () => {
    const { found } = await again([{ ...promotion, version: '9' } as Body])
    expect(found.same).toBe(true)
    expect(found.notes).toEqual([expect.stringContaining('plan-ranker/9')])
  })
  it('refuses what was logged with another list of features', async () => {
    await put(...quiet)
    const decision = await decided(quiet)
    await write({ ...decision, update: { ...decision.update, fingerprint: 'other' } })
    const { again: found, features } = await explained({ again: (today: Playbook) => today })
    expect(found).toMatchObject({ refused: 'other-fingerprint', same: false, now: null })
    expect(features).toEqual({})
  })
})
