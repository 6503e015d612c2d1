// What became of logged decisions: each one's reward, from the journal.
import type { CustomerEvent } from '@offerstream/contracts'

/**
 * What a decision is worth, intent to treat: judged from the moment it was taken, whether the offer arrived or not. No
 * offer is worth 0. `opened`: the customer opened it within its window. `bought`: bought the item within it. `accepted`:
 * opened it, and bought the item then or later, both within it. `margin`: what the item earns, minor units, if accepted.
 */
export const rewardRules = ['accepted', 'bought', 'opened', 'margin'] as const
export type RewardRule = (typeof rewardRules)[number]

/** The part of a decision that its reward hangs on. */
export type Offered = {
  readonly customer: string
  readonly at: number
  /** The last moment at which an answer counts. */
  readonly until: number
  readonly chosen: string | null
}

export type Outcomes = {
  /** Takes an event of the journal; a repeat changes nothing. */
  see(event: CustomerEvent['event']): void
  /** Once every event has been seen. */
  rewardOf(offered: Offered, rule: RewardRule, marginOf: (item: string) => number): number
}

/** Keeps what customers did about the items that they were offered; other items leave no trace. */
export function createOutcomes(offered: Iterable<Pick<Offered, 'customer' | 'chosen'>>): Outcomes {
  const answers = new Map<string, Answers>()
  for (const { customer, chosen } of offered)
    if (chosen !== null && !answers.has(`${customer}\n${chosen}`))
      answers.set(`${customer}\n${chosen}`, { opened: [], bought: new Map() })
  return {
    see(event) {
      if (event.type === 'engagement' && event.item !== null) {
        if (event.kind === 'opened' || event.kind === 'clicked')
          answers.get(`${event.customer}\n${event.item}`)?.opened.push(event.at)
      } else if (event.type === 'purchase') {
        const bought = answers.get(`${event.customer}\n${event.item}`)?.bought
        if (bought !== undefined && !bought.has(event.id)) bought.set(event.id, event.at)
      } else if (event.type === 'purchase_retracted')
        // The purchase it takes back may still be to come.
        answers.get(`${event.customer}\n${event.item}`)?.bought.set(event.purchase, Number.NaN)
    },
    rewardOf({ customer, at, until, chosen }, rule, marginOf) {
      const found = chosen === null ? undefined : answers.get(`${customer}\n${chosen}`)
      if (chosen === null || found === undefined) return 0
      const within = (moment: number): boolean => moment >= at && moment <= until
      const firstOpened = found.opened.filter(within).reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
      if (rule === 'opened') return Number(firstOpened < Number.POSITIVE_INFINITY)
      const lastBought = [...found.bought.values()]
        .filter(within)
        .reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
      if (rule === 'bought') return Number(lastBought > Number.NEGATIVE_INFINITY)
      const accepted = Number(firstOpened <= lastBought)
      return rule === 'margin' && accepted === 1 ? marginOf(chosen) : accepted
    },
  }
}

type Answers = {
  readonly opened: number[]
  /** By id of the purchase; not a number once it was taken back. */
  readonly bought: Map<string, number>
}
