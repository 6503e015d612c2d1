import type { ContactPolicy } from '@offerstream/contracts'
import type { ClockTime } from './local-time.ts'

const minuteMs = 60_000
const dayMinutes = 24 * 60

/** How long quiet hours still last, milliseconds; 0 outside them. `local` is the customer's time at that moment. */
export function quietEndsInMs({ hour, minute }: ClockTime, at: number, policy: ContactPolicy): number {
  const from = policy.quietFromHour * 60
  const length = (policy.quietToHour * 60 - from + dayMinutes) % dayMinutes
  const into = (hour * 60 + minute - from + dayMinutes) % dayMinutes
  return into < length ? (length - into) * minuteMs - (at % minuteMs) : 0
}
