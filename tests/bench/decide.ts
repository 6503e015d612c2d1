// What a decision costs once the scores are there: eligibility, contact policy, marketing's rules, arbitration and the record.
import { applyRecord, checkRecord, defaultContactPolicy, emptyPlaybook, type Playbook } from '@offerstream/catalogue'
import {
  type CatalogueItem,
  type ContactHistory,
  defaults,
  type FeatureUpdate,
  type PlaybookRecord,
  type Predicate,
  type Rule,
} from '@offerstream/contracts'
import { fingerprint, names } from '@offerstream/features'
import { decide as decideOne, type Request } from '@offerstream/policy'
import { playbookRecords } from '@offerstream/simulator'
import type { Bench, Report } from './bench.ts'

const noon = Date.parse('2025-03-04T12:00:00Z')
const day = 24 * 3_600_000

export const decide: Bench = {
  says: 'microseconds per decision without scoring, beside writing the decision down as JSON',
  options: {
    decisions: { fallback: '20000', says: 'decisions a round' },
    candidates: { fallback: '50', says: 'candidates, plans and packages' },
    rules: { fallback: '20', says: "marketing's rules, half of them groups" },
    rounds: { fallback: '7', says: 'rounds; the median counts' },
  },
  async run(settings, progress) {
    const [decisions, candidates, rules, rounds] = ['decisions', 'candidates', 'rules', 'rounds'].map(each =>
      Number(settings[each]),
    ) as [number, number, number, number]
    const playbook = playbookWith(candidates, rules)
    const cases = Array.from({ length: Math.min(decisions, 2000) }, (_, index) => caseOf(index, playbook))
    const one = (index: number) => {
      const { request, history } = cases[index % cases.length]!
      return decideOne(request, history, playbook)
    }
    const texts = (index: number) => JSON.stringify(decided[index % decided.length])
    const decided = cases.map((_, index) => one(index))
    const measured = { decide: [] as number[], json: [] as number[] }
    for (let round = 0; round <= rounds; round++) {
      progress('deciding, and writing decisions down', round / rounds)
      const times = [microseconds(one, decisions), microseconds(texts, decisions)]
      // The first round warms up.
      if (round === 0) continue
      measured.decide.push(times[0]!)
      measured.json.push(times[1]!)
    }
    return report(median(measured.decide), median(measured.json), { candidates, rules, decided })
  },
}

type Decided = readonly ReturnType<typeof decideOne>[]

function report(
  decideUs: number,
  jsonUs: number,
  { candidates, rules, decided }: { candidates: number; rules: number; decided: Decided },
): Report {
  const offers = decided.filter(each => each.chosen !== null).length / decided.length
  const eligible = decided.reduce(
    (sum, each) => sum + each.candidates.filter(({ refused }) => refused === null).length,
    0,
  )
  return {
    title: `one decision: ${candidates} candidates, ${rules} rules of marketing's beside the built-in ones`,
    rows: [
      ['', 'µs', 'of JSON.stringify'],
      ['decide', decideUs, decideUs / jsonUs],
      ['JSON.stringify(decision)', jsonUs, 1],
    ],
    remarks: [
      `${Math.round(100 * offers)} % of the decisions made an offer, ${(eligible / decided.length).toFixed(1)} candidates were eligible on average`,
    ],
    figures: { decideMicroseconds: decideUs, jsonMicroseconds: jsonUs, ratio: decideUs / jsonUs, offersShare: offers },
  }
}

/** Per call. */
function microseconds(call: (index: number) => unknown, calls: number): number {
  let kept: unknown
  const began = performance.now()
  for (let index = 0; index < calls; index++) kept = call(index)
  const took = performance.now() - began
  if (kept === undefined) throw new Error('nothing was made')
  return (took * 1000) / calls
}

const median = (figures: readonly number[]): number => figures.toSorted((a, b) => a - b)[figures.length >> 1]!

function playbookWith(candidates: number, rules: number): Playbook {
  const records = playbookRecords({ start: noon - day })
  const simulated = records.flatMap(({ body }) => (body.type === 'item' ? [body] : []))
  const items = Array.from({ length: candidates }, (_, index): CatalogueItem => {
    const item = simulated[index % simulated.length]!
    const again = Math.floor(index / simulated.length)
    return again === 0 ? item : { ...item, name: `${item.name}-${again}`, priceMinor: item.priceMinor + 50 * again }
  })
  const others = records.flatMap(({ body }) => (body.type === 'item' || body.type === 'rule' ? [] : [body]))
  const bodies: PlaybookRecord['body'][] = [
    ...items,
    ...others,
    { ...defaultContactPolicy, offersPerChannelPerWeek: { push: 3 }, validHours: 20 },
    ...Array.from({ length: rules }, (_, index) => ruleOf(index)),
  ]
  return bodies.reduce((playbook, body, offset) => {
    const problems = checkRecord({ at: noon, body }, names, playbook)
    if (problems.length > 0) throw new Error(problems.join('\n'))
    return applyRecord(playbook, { at: noon, body }, offset)
  }, emptyPlaybook)
}

const predicate = (change: Partial<Predicate>): Predicate => ({ ...defaults.Predicate, operator: 'all', ...change })

/** Most of them look at the item, the customer and a feature, and refuse few; every other one is a group. */
function ruleOf(index: number): Rule {
  const item = predicate({
    subject: 'item',
    field: index % 3 === 0 ? 'category' : 'serviceType',
    operator: 'in',
    texts: index % 3 === 0 ? ['travel', 'top-up'] : ['voice', 'roaming'],
  })
  const feature = predicate({ subject: 'feature', field: names[index * 5]!, operator: 'gt', number: 900 })
  const customer = predicate({ subject: 'customer', field: 'segment', operator: 'eq', text: `segment-${index % 4}` })
  const time = predicate({ subject: 'time', field: 'hour', operator: 'lt', number: 3 + (index % 10) })
  return {
    type: 'rule',
    name: `rule-${index}`,
    why: `reason-${index}`,
    active: true,
    when:
      index % 2 === 0
        ? [customer, item, feature]
        : [item, predicate({ operator: 'any', of: [predicate({ operator: 'none', of: [time] }), feature] }), customer],
  }
}

function caseOf(index: number, playbook: Playbook): { readonly request: Request; readonly history: ContactHistory } {
  const plans = [...playbook.items.values()].filter(item => item.kind === 'plan')
  const plan = plans[index % plans.length]!
  const at = noon + (index % 48) * 1_800_000
  const update: FeatureUpdate = {
    id: `feature-updates@1/3/${index}/0`,
    customer: `customer-${index}`,
    at,
    trigger: { kind: 'purchase', event: `event-${index}`, at },
    fingerprint,
    features: names.map((_, place) =>
      (index + place) % 5 === 0 ? Number.NaN : ((index * 31 + place * 17) % 1000) / 2,
    ),
    facts: {
      plan: plan.name,
      customerSince: at - 500 * day,
      bindingEndsAt: null,
      bundle: index % 3 === 0,
      monthlyChargeMinor: plan.priceMinor,
      currency: plan.currency,
      brand: plan.brand,
      ageBand: '35-44',
      zone: ['Europe/Berlin', 'America/New_York', 'Asia/Tokyo'][index % 3]!,
      locale: 'en',
      segment: `segment-${index % 6}`,
      consent: { push: index % 10 !== 0 },
      devices: ['device'],
      rejections: [{ item: plan.name, at: at - 3 * day }],
    },
  }
  const items = [...playbook.items.values()]
  return {
    request: {
      id: update.id,
      at,
      update,
      candidates: items.map((item, place) => ({ item, pairs: [], score: ((index * 7 + place * 13) % 100) / 1000 })),
      models: [],
      reservations: [
        {
          item: items[index % items.length]!.name,
          resource: `stock/${items[index % items.length]!.name}`,
          granted: false,
        },
      ],
      budgets: [],
    },
    history: {
      sequence: 3,
      offered: [1, 3, 9].map(days => ({
        at: at - (days + (index % 4)) * day - 1,
        item: items[(index + days) % items.length]!.name,
        channel: 'push',
        capped: true,
      })),
    },
  }
}
