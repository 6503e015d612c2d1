import { emptyPlaybook, type Playbook } from '@offerstream/catalogue'
import type { CatalogueItem, CustomerFacts, FeatureUpdate } from '@offerstream/contracts'
import { createEngine, type Engine, factsOf, features, names, type State } from '@offerstream/features'
import { atBoundary, type PairName, pairContext, pairNames, pairsOf } from '@offerstream/ranker'
import { planFeatures } from './plan-features.ts'

/** Vectors of a choice table: an engine that keeps only what they need, with the values of the full one. */
export type Vectors = {
  readonly engine: Engine
  /** Columns of customers, then of pairs. */
  readonly features: readonly string[]
  readonly pairs: readonly PairName[]
  /** What stands in the table of a customer at a moment and of each item: `own` has room for the features, the answer is row after row. */
  read(
    state: State,
    facts: CustomerFacts,
    at: number,
    playbook: Playbook,
    items: readonly CatalogueItem[],
    own: Float32Array,
  ): Float32Array
}

export function createVectors(shown: readonly string[] = planFeatures): Vectors {
  const kept = [...new Set([...shown, ...seenByPairs()])]
  const list = features as Readonly<Record<string, (typeof features)[keyof typeof features]>>
  const engine = createEngine(Object.fromEntries(kept.map(name => [name, list[name]!])))
  const places = kept.map(name => names.indexOf(name))
  // Pair features look at the places of the full vector.
  const whole = new Float32Array(names.length).fill(Number.NaN)
  return {
    engine,
    features: shown,
    pairs: pairNames,
    read(state, facts, at, playbook, items, own) {
      const vector = engine.read(state, at)
      for (let i = 0; i < places.length; i++) whole[places[i]!] = vector[i]!
      own.set(atBoundary(vector.subarray(0, shown.length)))
      return atBoundary(pairsOf(pairContext(updateOf(whole, facts, at), at, playbook), items, pairNames))
    },
  }
}

const updateOf = (vector: ArrayLike<number>, facts: CustomerFacts, at: number): FeatureUpdate => ({
  id: '',
  customer: '',
  at,
  trigger: { kind: '', event: '', at },
  fingerprint: '',
  features: vector as readonly number[],
  facts,
})

/** The features that pair features look at, found by looking on. */
function seenByPairs(): readonly string[] {
  const seen = new Set<string>()
  const vector = new Proxy(
    names.map(() => 1),
    {
      get(values, key, receiver) {
        const place = typeof key === 'string' ? names[Number(key)] : undefined
        if (place !== undefined) seen.add(place)
        return Reflect.get(values, key, receiver)
      },
    },
  )
  const playbook = { ...emptyPlaybook, items: new Map([[anyItem.name, anyItem]]) }
  const facts = { ...factsOf(createEngine({}).empty), plan: anyItem.name, monthlyChargeMinor: 1 }
  pairsOf(pairContext(updateOf(vector, facts, 0), 0, playbook), [anyItem], pairNames)
  return [...seen]
}

const anyItem: CatalogueItem = {
  type: 'item',
  name: 'any',
  kind: 'plan',
  priceMinor: 1,
  currency: '',
  marginMinor: 0,
  quotaKb: 1,
  minutes: 1,
  texts: null,
  overageMinorPerGb: 1,
  overageMinorPerMinute: 0,
  overageMinorPerText: 0,
  speedKbps: null,
  serviceType: '',
  recurring: true,
  validityDays: null,
  category: '',
  brand: '',
  text: {},
  channels: [],
  availableFrom: null,
  availableTo: null,
  stock: null,
  withdrawn: false,
  costMinor: 0,
  obligation: 'none',
  needsConsent: true,
  link: null,
}
