// Why a candidate was refused, and why a decision ended as it did, in words and with the numbers behind it.
import { contactPolicyOf, type Playbook } from '@offerstream/catalogue'
import type { CatalogueItem, ContactPolicy, Decision, PastOffer } from '@offerstream/contracts'
import { countSince } from '@offerstream/policy'

const day = 24 * 60 * 60 * 1000

type Case = {
  readonly name: string
  /** As the playbook had it; null where it is not known any more. */
  readonly item: CatalogueItem | null
  readonly decision: Decision
  readonly playbook: Playbook
  readonly policy: ContactPolicy
}

/** By the rule's short reason. */
export const refusals: Readonly<Record<string, (of: Case) => string>> = {
  stopped: ({ playbook, name }) =>
    `a kill switch is on: ${listed([...playbook.killSwitches.values()].filter(({ on, scope, target }) => on && scope !== 'provider' && (scope !== 'item' || target === name)).map(kill => kill.name))}`,
  'not-sold-now': () => 'it was not on sale at that moment',
  'other-currency': ({ item, decision }) =>
    `it is priced in ${item?.currency ?? 'another currency'}, the customer pays in ${decision.update.facts.currency}`,
  'out-of-stock': ({ item }) => `nothing was left of a stock of ${item?.stock ?? 'it'}`,
  'budget-spent': ({ decision, name }) =>
    `nothing was left of ${listed(decision.reservations.filter(each => each.item === name && !each.granted).map(({ resource }) => resource))}`,
  'has-it': () => 'the customer has it already',
  downgrade: ({ item, decision }) =>
    `a price of ${money(item?.priceMinor)} is less than what the customer has, at ${money(decision.update.facts.monthlyChargeMinor)} a month`,
  'price-step': ({ item, decision, policy }) =>
    `a price of ${money(item?.priceMinor)} is more than ${percent(policy.priceStepShare)} above ${money(decision.update.facts.monthlyChargeMinor)} a month`,
  'bill-shock': ({ policy }) =>
    `at the customer's use its bill would be more than ${percent(policy.priceStepShare)} above theirs now`,
  'no-consent': ({ item }) => `there is no consent to offers on ${listed(item?.channels ?? [])}`,
  'quiet-until-expiry': ({ policy }) =>
    `it would expire, ${policy.validHours} hours on, before quiet hours end at ${policy.quietToHour}:00`,
  'recently-rejected': ({ decision, name, policy }) =>
    `the customer rejected it ${moment(decision.update.facts.rejections.find(({ item }) => item === name)?.at)}, and is asked again after ${policy.rejectionCoolDownDays} days`,
  'contacted-lately': ({ decision, policy }) =>
    `the last offer was made ${moment(newest(decision, past => past.capped)?.at)}, and ${policy.minimumGapMinutes} minutes lie between two`,
  'weekly-cap': of => `${within(of, 7, () => true)} offers in 7 days, and ${of.policy.offersPerWeek} are allowed`,
  'category-cap': of =>
    `${within(of, 7, past => of.playbook.items.get(past.item)?.category === of.item?.category)} offers of ${of.item?.category ?? 'its category'} in 7 days, and ${of.policy.offersPerCategoryPerWeek} are allowed`,
  'channel-cap': of =>
    `no channel is left: ${listed((of.item?.channels ?? []).map(channel => `${within(of, 7, past => past.channel === channel)} offers on ${channel} in 7 days, ${of.policy.offersPerChannelPerWeek[channel] ?? 'any number'} allowed`))}`,
  'item-cap': of =>
    `${within(of, 30, past => past.item === of.name)} offers of it in 30 days, and ${of.policy.offersPerItemPerMonth} are allowed`,
  'offered-before': ({ decision, name, policy }) =>
    `it was offered ${moment(newest(decision, ({ item }) => item === name)?.at)}, and is again after ${policy.sameItemGapDays} days`,
}

/** Words for a refusal: of a rule of the product's, else of marketing's, which the playbook names. */
export function refusalText(why: string, name: string, decision: Decision, playbook: Playbook): string {
  const item = playbook.items.get(name) ?? null
  const own = refusals[why]
  if (own !== undefined) return own({ name, item, decision, playbook, policy: contactPolicyOf(playbook) })
  const rules = [...playbook.rules.values()].filter(rule => rule.active && rule.why === why).map(rule => rule.name)
  return rules.length === 0 ? why : `rule ${listed(rules, ' or ')} of the playbook`
}

const outcomes: Readonly<Record<string, string>> = {
  'best-value': 'it was worth most',
  'best-value-without-levers': 'it was worth most, levers left out',
  likeliest: 'it was the likeliest to be accepted',
  'next-step': 'it was the next plan up',
  explored: 'drawn among everything eligible, no offer too, to learn from it',
  mandatory: 'it must be sent',
  transactional: 'it must be sent',
  'no-offer-arm': 'the customer is in an arm that gets no offers',
  'nothing-eligible': 'every candidate was refused',
  'nothing-scored': 'no model scores what was eligible',
}

/** Words for why a decision ended as it did. */
export const outcomeText = ({ reason }: Pick<Decision, 'reason'>, playbook: Playbook): string =>
  reason === 'below-minimum-value'
    ? `the best was worth less than ${money(contactPolicyOf(playbook).minimumValueMinor)}, or nothing`
    : (outcomes[reason] ?? reason)

const within = ({ decision }: Case, days: number, counts: (past: PastOffer) => boolean): number =>
  countSince(decision.history, decision.at - days * day, counts)

const newest = ({ history }: Decision, counts: (past: PastOffer) => boolean): PastOffer | undefined =>
  history.offered.findLast(counts)

const money = (minor: number | undefined): string => (minor === undefined ? 'unknown' : (minor / 100).toFixed(2))
const percent = (share: number): string => `${Number((100 * share).toFixed(1))} %`
const moment = (at: number | undefined): string =>
  at === undefined ? 'lately' : `on ${new Date(at).toISOString().slice(0, 16).replace('T', ' ')}`
const listed = (words: readonly string[], between = ', '): string => words.join(between) || 'none'
