import { billOf, isSold } from '@offerstream/catalogue'
import type { CatalogueItem, ItemObligation } from '@offerstream/contracts'
import { channelFor, consentsTo } from './channel.ts'
import { contactPolicy, type Example, noon, offered, offeredDaysAgo, stop } from './examples.ts'
import { countSince, day, week } from './history.ts'
import type { Situation } from './situation.ts'

const hour = 60 * 60 * 1000

/** What marketing's own limits do not hold back. */
const mustSend: readonly ItemObligation[] = ['mandatory', 'transactional']

/**
 * The rules, in the order in which they are asked; the first refusal is the one kept. Eligibility and suitability say
 * who may have what, and hang on no history; then come marketing's own rules, then the contact policy.
 */
export const rules: readonly EligibilityRule[] = [
  {
    why: 'stopped',
    stage: 'eligibility',
    allows: (item, { guide, trigger }) =>
      !guide.stoppedEverything &&
      !guide.stoppedItems.has(item.name) &&
      !guide.stoppedCampaigns.has(trigger.kind) &&
      !guide.stoppedCampaigns.has(trigger.event),
    allowing: { playbook: [stop('item', 'another-item'), { ...stop('global', null), on: false }] },
    refusing: { playbook: [stop('item', 'plan-l')] },
  },
  {
    why: 'not-sold-now',
    stage: 'eligibility',
    allows: (item, { at }) => isSold(item, at),
    allowing: { item: { availableTo: noon + 1 } },
    refusing: { item: { availableTo: noon } },
  },
  {
    why: 'other-currency',
    stage: 'eligibility',
    allows: (item, { facts }) => item.currency === facts.currency,
    allowing: {},
    refusing: { facts: { currency: 'USD' } },
  },
  {
    why: 'out-of-stock',
    stage: 'eligibility',
    allows: (item, { refusedResources }) =>
      (item.stock === null || item.stock > 0) && refusedResources.get(item.name) !== 'stock',
    allowing: { item: { stock: 1 } },
    refusing: { item: { stock: 0 } },
  },
  {
    why: 'budget-spent',
    stage: 'eligibility',
    allows: (item, { refusedResources }) => refusedResources.get(item.name) !== 'budget',
    allowing: { reservations: [{ item: 'plan-l', resource: 'budget/spring/', granted: true }] },
    refusing: { reservations: [{ item: 'plan-l', resource: 'budget/spring/', granted: false }] },
  },
  {
    why: 'has-it',
    stage: 'eligibility',
    allows: (item, { facts }) => item.name !== facts.plan,
    allowing: { facts: { plan: null } },
    refusing: { facts: { plan: 'plan-l' } },
  },
  {
    why: 'downgrade',
    stage: 'suitability',
    allows: (item, { current }) => item.kind !== 'plan' || current === null || item.priceMinor >= current.priceMinor,
    allowing: { item: { priceMinor: 2000 } },
    refusing: { item: { priceMinor: 1999 } },
  },
  {
    why: 'price-step',
    stage: 'suitability',
    allows: (item, { chargeMinor, guide }) =>
      item.kind !== 'plan' || chargeMinor === 0 || item.priceMinor <= chargeMinor * (1 + guide.policy.priceStepShare),
    allowing: { item: { priceMinor: 4000 } },
    refusing: { item: { priceMinor: 4001 } },
  },
  {
    why: 'bill-shock',
    stage: 'suitability',
    allows: (item, { chargeMinor, current, guide, use }) =>
      item.kind !== 'plan' ||
      chargeMinor === 0 ||
      billOf(item, use) <=
        Math.max(chargeMinor, current === null ? 0 : billOf(current, use)) * (1 + guide.policy.priceStepShare),
    allowing: { features: { data_mb_30d: 20 * 1024 } },
    refusing: { item: { overageMinorPerGb: 5000 }, features: { data_mb_30d: 40 * 1024 } },
  },
  {
    why: 'no-consent',
    stage: 'contact',
    allows: consentsTo,
    allowing: { facts: { consent: { 'push/standard': true } } },
    refusing: { facts: { consent: { push: true, 'push/standard': false } } },
  },
  {
    why: 'quiet-until-expiry',
    stage: 'contact',
    spares: ['transactional'],
    allows: (_item, { guide, quietMs }) => quietMs < guide.policy.validHours * hour,
    allowing: { at: noon - 5 * hour, playbook: [contactPolicy({ validHours: 2 })] },
    refusing: { at: noon - 7 * hour, playbook: [contactPolicy({ validHours: 2 })] },
  },
  {
    why: 'recently-rejected',
    stage: 'contact',
    spares: mustSend,
    allows: (item, { at, facts, guide }) =>
      !facts.rejections.some(
        rejection => rejection.item === item.name && at - rejection.at < guide.policy.rejectionCoolDownDays * day,
      ),
    allowing: { facts: { rejections: [{ item: 'plan-l', at: noon - 30 * day }] } },
    refusing: { facts: { rejections: [{ item: 'plan-l', at: noon - 29 * day }] } },
  },
  {
    why: 'contacted-lately',
    stage: 'contact',
    spares: mustSend,
    allows: (_item, { at, guide, history }) =>
      !history.offered.some(past => past.capped && at - past.at < guide.policy.minimumGapMinutes * 60_000),
    allowing: { history: { offered: [offered('pack-s', noon - day)] } },
    refusing: { history: { offered: [offered('pack-s', noon - day + 1)] } },
  },
  {
    why: 'weekly-cap',
    stage: 'contact',
    spares: mustSend,
    allows: (_item, { at, guide, history }) => countSince(history, at - week, () => true) < guide.policy.offersPerWeek,
    allowing: { history: offeredDaysAgo('pack-s', 2, 3, 7) },
    refusing: { history: offeredDaysAgo('pack-s', 2, 3, 6) },
  },
  {
    why: 'category-cap',
    stage: 'contact',
    spares: mustSend,
    allows: (item, { at, guide, history }) =>
      countSince(
        history,
        at - week,
        past => item.category !== '' && guide.playbook.items.get(past.item)?.category === item.category,
      ) < guide.policy.offersPerCategoryPerWeek,
    allowing: { history: offeredDaysAgo('pack-s', 2), playbook: [contactPolicy({ offersPerCategoryPerWeek: 1 })] },
    refusing: { history: offeredDaysAgo('plan-m', 2), playbook: [contactPolicy({ offersPerCategoryPerWeek: 1 })] },
  },
  {
    why: 'channel-cap',
    stage: 'contact',
    spares: mustSend,
    allows: (item, situation) => channelFor(item, situation) !== null,
    allowing: {
      item: { channels: ['push', 'email'] },
      facts: { consent: { push: true, email: true } },
      history: offeredDaysAgo('pack-s', 2),
      playbook: [contactPolicy({ offersPerChannelPerWeek: { push: 1 } })],
    },
    refusing: {
      history: offeredDaysAgo('pack-s', 2),
      playbook: [contactPolicy({ offersPerChannelPerWeek: { push: 1 } })],
    },
  },
  {
    why: 'item-cap',
    stage: 'contact',
    spares: mustSend,
    allows: (item, { at, guide, history }) =>
      countSince(history, at - 30 * day, past => past.item === item.name) < guide.policy.offersPerItemPerMonth,
    allowing: { history: offeredDaysAgo('plan-l', 8, 30), playbook: [contactPolicy({ offersPerItemPerMonth: 2 })] },
    refusing: { history: offeredDaysAgo('plan-l', 8, 29), playbook: [contactPolicy({ offersPerItemPerMonth: 2 })] },
  },
  {
    why: 'offered-before',
    stage: 'contact',
    // A mandatory notice goes once; a transactional one as often as there is something to say.
    spares: ['transactional'],
    allows: (item, { at, guide, history }) =>
      !history.offered.some(past => past.item === item.name && at - past.at < guide.policy.sameItemGapDays * day),
    allowing: { history: offeredDaysAgo('plan-l', 7) },
    refusing: { history: offeredDaysAgo('plan-l', 6) },
  },
]

export type EligibilityRule = {
  /** Short and fixed: the refusal's reason on the record, a metric's label. */
  readonly why: string
  /** The contact policy hangs on history; the rest does not, and may be asked before a state is at hand. */
  readonly stage: 'eligibility' | 'suitability' | 'contact'
  /** Obligations it does not hold for; it holds for all where none is named. */
  readonly spares?: readonly ItemObligation[]
  readonly allows: (item: CatalogueItem, situation: Situation) => boolean
  readonly allowing: Example
  readonly refusing: Example
}

/** The first rule that refuses an item, null when none does. */
export function refusalOf(item: CatalogueItem, situation: Situation): string | null {
  return refusalBeforeContact(item, situation) ?? refusalByContact(item, situation)
}

/** The part that hangs on no history. */
export function refusalBeforeContact(item: CatalogueItem, situation: Situation): string | null {
  for (const rule of suitability) if (!rule.allows(item, situation)) return rule.why
  for (const rule of situation.marketing) if (rule.holdsFor(item, situation)) return rule.why
  return null
}

function refusalByContact(item: CatalogueItem, situation: Situation): string | null {
  for (const rule of contact[item.obligation]) if (!rule.allows(item, situation)) return rule.why
  return null
}

const suitability = rules.filter(rule => rule.stage !== 'contact')
const contactFor = (obligation: ItemObligation): readonly EligibilityRule[] =>
  rules.filter(rule => rule.stage === 'contact' && !rule.spares?.includes(obligation))
const contact: { readonly [Obligation in ItemObligation]: readonly EligibilityRule[] } = {
  none: contactFor('none'),
  mandatory: contactFor('mandatory'),
  transactional: contactFor('transactional'),
}
