import type { ContactPolicy } from '@offerstream/contracts'
import { localTime } from './local-time.ts'

const minuteMs = 60_000
const dayMinutes = 24 * 60

/** How long the customer's quiet hours still last, milliseconds; 0 outside them. A zone nobody knows counts as UTC. */
export function quietEndsInMs(zone: string, at: number, policy: ContactPolicy): number {
  const { hour, minute } = localTime(zone, at)
  const from = policy.quietFromHour * 60
  const length = (policy.quietToHour * 60 - from + dayMinutes) % dayMinutes
  const into = (hour * 60 + minute - from + dayMinutes) % dayMinutes
  return into < length ? (length - into) * minuteMs - (at % minuteMs) : 0
}
