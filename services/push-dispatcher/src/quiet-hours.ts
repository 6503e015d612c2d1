// Quiet hours by the clock on the customer's wall, on days that are an hour shorter or longer too.

const quarterHour = 15 * 60 * 1000
const answersKept = 5000

/** Local hours [from, to) in which nobody is disturbed; over midnight where `from` is the larger; equal means never. */
type QuietHours = { readonly fromHour: number; readonly toHour: number }

export type QuietClock = {
  /** The first moment at or after `at` outside quiet hours; `at` itself where it is. Throws `RangeError` on an unknown zone. */
  opensAt(quiet: QuietHours, zone: string, at: number): number
  /** The first moment at or after `at` in quiet hours, infinite where there are none. Throws `RangeError` on an unknown zone. */
  closesAt(quiet: QuietHours, zone: string, at: number): number
  /** The hour on the wall, 0 to 23; null in an unknown zone. */
  hourAt(zone: string, at: number): number | null
}

/** Every zone's offset is a whole number of quarter hours, so that an answer holds for a quarter of an hour. */
export function createQuietClock(): QuietClock {
  const formats = new Map<string, Intl.DateTimeFormat>()
  const answers = new Map<string, number>()

  const hourIn = (zone: string, at: number): number => {
    let format = formats.get(zone)
    if (format === undefined) {
      format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', hourCycle: 'h23' })
      formats.set(zone, format)
    }
    return Number(format.format(at))
  }
  const search = ({ fromHour, toHour }: QuietHours, zone: string, quarter: number, wanted: boolean): number => {
    for (let at = quarter; ; at += quarterHour) {
      const hour = hourIn(zone, at)
      const isQuiet = fromHour < toHour ? hour >= fromHour && hour < toHour : hour >= fromHour || hour < toHour
      if (isQuiet === wanted || at - quarter > 2 * 24 * 60 * 60 * 1000) return at
    }
  }
  const firstOf = (quiet: QuietHours, zone: string, at: number, wanted: boolean): number => {
    const quarter = Math.floor(at / quarterHour) * quarterHour
    const key = `${quiet.fromHour}/${quiet.toHour}/${wanted}/${zone}/${quarter}`
    let first = answers.get(key)
    if (first === undefined) {
      first = search(quiet, zone, quarter, wanted)
      if (answers.size >= answersKept) answers.clear()
      answers.set(key, first)
    }
    return Math.max(at, first)
  }

  return {
    opensAt: (quiet, zone, at) => (quiet.fromHour === quiet.toHour ? at : firstOf(quiet, zone, at, false)),
    closesAt: (quiet, zone, at) =>
      quiet.fromHour === quiet.toHour ? Number.POSITIVE_INFINITY : firstOf(quiet, zone, at, true),
    hourAt(zone, at) {
      try {
        return hourIn(zone, at)
      } catch (error) {
        if (error instanceof RangeError) return null
        throw error
      }
    },
  }
}
