// One rule for features and for training: an offer is accepted by a purchase of its item within some days of its display.
import { dayMs } from './windows.ts'

/** How long a purchase still answers a display, days. */
export const acceptanceDays = 14

/** Whether a purchase of the item answers its display; moments in milliseconds. */
export const isAcceptance = (displayedAt: number, purchasedAt: number, withinDays = acceptanceDays): boolean =>
  purchasedAt >= displayedAt && purchasedAt - displayedAt <= withinDays * dayMs
