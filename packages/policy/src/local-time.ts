import type { LocalTime } from '@offerstream/catalogue'

/** The furthest a Date reaches, either way. */
const lastMoment = 8.64e15
export type ClockTime = LocalTime & { readonly minute: number }

const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']

/** The time where the customer is; midnight of a Monday where the calendar ends. A zone nobody knows counts as UTC. */
export function localTime(zone: string, at: number): ClockTime {
  if (!(Math.abs(at) <= lastMoment)) return { hour: 0, minute: 0, weekday: 1 }
  // For example "Mon 13:30".
  const text = formatOf(zone).format(at)
  const colon = text.indexOf(':')
  return {
    hour: Number(text.slice(colon - 2, colon)),
    minute: Number(text.slice(colon + 1)),
    weekday: weekdays.indexOf(text.slice(0, 3)) + 1,
  }
}

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone)
  if (format === undefined) {
    try {
      format = new Intl.DateTimeFormat('en-GB', {
        timeZone: zone,
        weekday: 'short',
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
