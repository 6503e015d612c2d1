// How fast a campaign goes out. What comes faster waits in the ledger for a slot of its own, or until it expires.
import type { NextBestOffer } from '@offerstream/contracts'

export type Pacer = {
  /**
   * Null where the offer may go now, which then counts; else when to look again. `waited` is whether it had a slot before.
   * `at` is the ledger's clock; `perMinute` the offers a minute by campaign.
   */
  next(
    offer: Pick<NextBestOffer, 'trigger'>,
    perMinute: Readonly<Record<string, number>>,
    at: number,
    waited: boolean,
  ): number | null
}

/** Who looks late may still keep the slot: a look is up to so late. Within a minute go at most the pace and what this brings. */
const lateMs = 1000

/** `share` is the part of all partitions that is ours, of which the others know nothing. */
export function createPacer(share: () => number = () => 1): Pacer {
  const campaigns = new Map<string, { freeAt: number; lastSlot: number }>()
  return {
    next({ trigger }, perMinute, at, waited) {
      const paced = [...new Set([trigger.event, trigger.kind])].filter(name => Object.hasOwn(perMinute, name))
      if (paced.length === 0) return null
      let slot = at
      for (const name of paced) {
        const campaign = campaigns.get(name) ?? { freeAt: at, lastSlot: Number.NEGATIVE_INFINITY }
        campaigns.set(name, campaign)
        // Those who wait come first.
        const free = waited ? campaign.freeAt : Math.max(campaign.freeAt, campaign.lastSlot)
        slot = Math.max(slot, free)
      }
      for (const name of paced) {
        const campaign = campaigns.get(name)!
        const intervalMs = 60_000 / (perMinute[name]! * share())
        if (slot <= at) campaign.freeAt = Math.max(campaign.freeAt, at - lateMs) + intervalMs
        else campaign.lastSlot = Math.max(slot, campaign.lastSlot + intervalMs)
      }
      return slot <= at ? null : Math.ceil(Math.max(...paced.map(name => campaigns.get(name)!.lastSlot)))
    },
  }
}
