import type { State } from './state.ts'
import type { Moment, Triggers } from './trigger.ts'
import { hourMs, minuteMs, monthOf, onceAMonth, onceIn, onEvent, onTick } from './trigger.ts'
import { followUpMs, isOutage, takenWithinMs } from './watch.ts'
import { dayMs } from './windows.ts'

const quietDays = 14

/** Every trigger, in the order in which those of one event, or of one tick, fire. */
export const triggers = {
  purchase: onEvent('purchase', {
    says: 'a plan or a package was bought',
    maxAgeMs: hourMs,
    atMost: onceIn(hourMs),
    fires: (_, { item }) => item?.kind === 'plan' || item?.kind === 'package',
  }),
  'allowance-used': onEvent('usage', {
    says: "80 % of the plan's data was used in the calendar month (UTC), and not yet all of it",
    maxAgeMs: 6 * hourMs,
    atMost: onceAMonth,
    fires({ at }, { after }) {
      const used = monthOf(at) === monthOf(after.at) ? after.feature('allowance_used_month') : 0
      return used >= 0.8 && used < 1
    },
  }),
  'allowance-exhausted': onEvent('usage', {
    says: "all of the plan's data was used in the calendar month (UTC)",
    maxAgeMs: 6 * hourMs,
    atMost: onceAMonth,
    fires: ({ at }, { after }) => monthOf(at) === monthOf(after.at) && after.feature('allowance_used_month') >= 1,
  }),
  'back-again': onEvent('usage', {
    says: `the first use after ${quietDays} days without any`,
    maxAgeMs: 6 * hourMs,
    atMost: onceIn(dayMs),
    fires: ({ at }, { before }) => before.feature('quiet_days') * dayMs - (before.at - at) >= quietDays * dayMs,
  }),
  'app-opened': onEvent('engagement', {
    says: 'the app was opened',
    maxAgeMs: 15 * minuteMs,
    atMost: onceIn(4 * hourMs),
    fires: ({ kind }) => kind === 'app_opened',
  }),
  'delivery-failed': onEvent('delivery', {
    says: "a push failed at the customer's devices: none can be reached or takes it; not in the hour after a sign of an outage of the provider, and never for an offer that itself came from a failed push",
    maxAgeMs: 6 * hourMs,
    atMost: onceIn(dayMs),
    fires: ({ state, reason, device, trigger, at }, { after }) =>
      state === 'rejected' &&
      (device !== null || reason === 'no-subscription') &&
      !isOutage(reason) &&
      trigger !== 'delivery-failed' &&
      at - after.state.watch.outageAt >= hourMs,
  }),
  'price-change': onEvent('campaign_due', {
    says: 'the price of the current plan changes, brought by the fan-out job',
    maxAgeMs: dayMs,
    atMost: onceIn(dayMs),
    fires: ({ kind, item }, { after }) => kind === 'price_change' && item !== null && after.facts().plan === item,
  }),
  'campaign-due': onEvent('campaign_due', {
    says: 'a campaign or a daily sale reached the customer, brought by the fan-out job',
    maxAgeMs: 12 * hourMs,
    atMost: onceIn(hourMs),
    fires: ({ kind }) => kind !== 'price_change',
  }),
  'package-expiring': onTick({
    says: 'a recurring package that was not bought again ends within a day, or within a quarter of its time where that is less',
    maxAgeMs: 6 * hourMs,
    atMost: onceIn(dayMs / 2),
    moments: expiries,
  }),
  'offer-not-taken': onTick({
    says: 'an offer was opened a day ago, and its item neither bought nor rejected',
    maxAgeMs: followUpMs,
    atMost: onceIn(3 * dayMs),
    moments: openedInVain,
  }),
} satisfies Triggers

export type TriggerKind = keyof typeof triggers

function expiries({ watch: { bought } }: State): readonly Moment[] {
  const moments: Moment[] = []
  for (const { item, at, endsAt, retracted } of bought) {
    if (endsAt === null || retracted) continue
    const isOver = bought.some(
      other =>
        other.item === item &&
        (other.retracted
          ? other.at === at
          : other.endsAt !== null && other.endsAt > endsAt && !isRetracted(bought, other)),
    )
    if (!isOver) moments.push({ at: endsAt - Math.min(dayMs, (endsAt - at) / 4), of: item })
  }
  return moments
}

function openedInVain({ watch: { bought, opened }, rejections }: State): readonly Moment[] {
  const moments: Moment[] = []
  for (const { offer, item, at } of opened) {
    const since = at - takenWithinMs
    const isTaken = bought.some(
      each => each.item === item && each.at >= since && !each.retracted && !isRetracted(bought, each),
    )
    const isRejected = rejections.some(each => each.item === item && each.at >= since)
    if (!isTaken && !isRejected) moments.push({ at: at + takenWithinMs, of: offer })
  }
  return moments
}

const isRetracted = (bought: State['watch']['bought'], { item, at }: { item: string; at: number }): boolean =>
  bought.some(other => other.retracted && other.item === item && other.at === at)
