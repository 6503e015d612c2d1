import { type Playbook, textFor } from '@offerstream/catalogue'
import type { Decision, NextBestOffer } from '@offerstream/contracts'

/** The offer a decision makes, null for none. The playbook is the one it was decided by. */
export function offerOf(decision: Decision, playbook: Playbook): NextBestOffer | null {
  const { chosen, sequence, expiresAt, channel, update } = decision
  if (chosen === null) return null
  const item = playbook.items.get(chosen)
  if (item === undefined || sequence === null || expiresAt === null || channel === null)
    throw new Error(
      `decision ${decision.id} offers ${chosen}, which playbook ${playbook.version} cannot make an offer of`,
    )
  return {
    id: decision.id,
    customer: decision.customer,
    at: decision.at,
    sequence,
    item: item.name,
    kind: item.kind,
    category: item.category,
    brand: item.brand,
    priceMinor: item.priceMinor,
    currency: item.currency,
    channel,
    text: textFor(item, update.facts.locale, update.facts.zone, expiresAt),
    locale: update.facts.locale,
    zone: update.facts.zone,
    reasons: [decision.reason, update.trigger.kind],
    expiresAt,
    obligation: item.obligation,
    needsConsent: item.needsConsent,
    trigger: update.trigger,
  }
}
