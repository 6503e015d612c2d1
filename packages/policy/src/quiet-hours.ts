import type { ContactPolicy } from '@offerstream/contracts'

const minute = 60_000
const dayMinutes = 24 * 60
/** The furthest a Date reaches, either way. */
const lastMoment = 8.64e15

/** How long the customer's quiet hours still last, milliseconds; 0 outside them. A zone nobody knows counts as UTC. */
export function quietEndsInMs(zone: string, at: number, policy: ContactPolicy): number {
  const from = policy.quietFromHour * 60
  const length = (policy.quietToHour * 60 - from + dayMinutes) % dayMinutes
  const into = (minuteOfDay(zone, at) - from + dayMinutes) % dayMinutes
  return into < length ? (length - into) * minute - (at % minute) : 0
}

/** Local minute of the day; 0 where the calendar ends. */
export function minuteOfDay(zone: string, at: number): number {
  if (!(Math.abs(at) <= lastMoment)) return 0
  const [hour, minuteOfHour] = formatOf(zone).format(at).split(':')
  return Number(hour) * 60 + Number(minuteOfHour)
}

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone)
  if (format === undefined) {
    try {
      format = new Intl.DateTimeFormat('en-GB', {
        timeZone: zone,
        hour: '2-digit',
        minute: '2-digit',
        hourCycle: 'h23',
      })
    } catch {
      format = formatOf('UTC')
    }
    // Zones come from outside: past a bound they are not remembered.
    if (formats.size < 1000) formats.set(zone, format)
  }
  return format
}

const formats = new Map<string, Intl.DateTimeFormat>()
