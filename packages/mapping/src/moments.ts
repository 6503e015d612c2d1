// A moment as companies write it, in milliseconds since the epoch.

export const timeUnits = ['iso', 'seconds', 'milliseconds', 'microseconds'] as const
export type TimeUnit = (typeof timeUnits)[number]

/** Moments outside are units mistaken for one another, not events. */
const earliest = Date.UTC(1970, 0, 2)
const latest = Date.UTC(2200, 0, 1)

const isoText =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?$/i

export type MomentProblem = 'not-a-time' | 'no-zone'

/** `zone`, an IANA name, is for texts that give no offset of their own; a date alone is its first moment there. */
export function momentOf(value: unknown, unit: TimeUnit, zone: string | null): number | MomentProblem {
  if (unit === 'iso') return typeof value === 'string' ? isoMoment(value.trim(), zone) : 'not-a-time'
  const number = numberOf(value)
  if (number === null) return 'not-a-time'
  const at = Math.floor(unit === 'seconds' ? number * 1000 : unit === 'microseconds' ? number / 1000 : number)
  return at >= earliest && at < latest ? at : 'not-a-time'
}

/** A number, or a text that is one; null for anything else. */
export function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'string' || !/^\s*[+-]?\d+(\.\d+)?(e[+-]?\d+)?\s*$/i.test(value)) return null
  return Number(value)
}

function isoMoment(text: string, zone: string | null): number | MomentProblem {
  const parts = isoText.exec(text)
  if (parts === null) return 'not-a-time'
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(part => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const ms = Math.floor(Number(`0.${parts[7] ?? 0}`) * 1000)
  const local = Date.UTC(year, month - 1, day, hour, minute, second, ms)
  const isReal =
    new Date(local).getUTCDate() === day && month >= 1 && month <= 12 && hour < 24 && minute < 60 && second < 60
  if (!isReal || local < earliest || local >= latest) return 'not-a-time'
  const offset = parts[8]
  if (offset === undefined) return zone === null ? 'no-zone' : local - offsetAtLocal(local, zone)
  if (offset.toUpperCase() === 'Z') return local
  const [hours, minutes] = [Number(offset.slice(1, 3)), Number(offset.slice(3).replace(':', '') || 0)]
  return local - (offset[0] === '-' ? -1 : 1) * (hours * 60 + minutes) * 60_000
}

/** An hour that happens twice is taken as its first time; one that is left out, as if the clock had not moved. */
function offsetAtLocal(local: number, zone: string): number {
  const before = offsetAt(local - 86_400_000, zone)
  const after = offsetAt(local + 86_400_000, zone)
  if (before === after) return before
  return offsetAt(local - before, zone) === before ? before : offsetAt(local - after, zone) === after ? after : before
}

const quarterMs = 900_000
const formats = new Map<string, Intl.DateTimeFormat>()
const offsets = new Map<string, Map<number, number>>()

/** Milliseconds that a zone's clock is ahead of UTC; remembered by the quarter, the shortest step between changes. */
function offsetAt(at: number, zone: string): number {
  const quarter = Math.floor(at / quarterMs)
  let known = offsets.get(zone)
  if (known === undefined || known.size > 50_000) {
    known = new Map()
    offsets.set(zone, known)
  }
  const remembered = known.get(quarter)
  if (remembered !== undefined) return remembered
  let format = formats.get(zone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    formats.set(zone, format)
  }
  const start = quarter * quarterMs
  const part: Record<string, number> = {}
  for (const { type, value } of format.formatToParts(start)) part[type] = Number(value)
  const shown = Date.UTC(
    part['year']!,
    part['month']! - 1,
    part['day']!,
    part['hour']!,
    part['minute']!,
    part['second']!,
  )
  known.set(quarter, shown - start)
  return shown - start
}

export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    return false
  }
}
