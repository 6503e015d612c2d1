import fc from 'fast-check'
import { expect, it } from 'vitest'
import { calendarBucket, opensAt } from '../src/naive.ts'
import { bucketsAt, days, hours, months, resolutions, startOf, type Window, weeks } from '../src/windows.ts'

const moments = fc.integer({ min: Date.UTC(1970, 0, 1), max: Date.UTC(2100, 0, 1) })

it('buckets are those of the calendar', () => {
  fc.assert(
    fc.property(
      moments,
      fc.integer({ min: 0, max: 100 * 86_400_000 }),
      fc.constantFrom(...resolutions),
      (at, ago, resolution) => {
        const index = resolutions.indexOf(resolution)
        const between = bucketsAt(at)[index]! - bucketsAt(at - ago)[index]!
        expect(between).toBe(calendarBucket(at, resolution) - calendarBucket(at - ago, resolution))
        expect(startOf(bucketsAt(at)[index]! - 3, index)).toBe(opensAt(at, { resolution, buckets: 4 }))
      },
    ),
  )
})

it('a week starts on Monday and a month on its first, in UTC', () => {
  const monday = Date.UTC(2025, 5, 2)
  expect(bucketsAt(monday)[2] - bucketsAt(monday - 1)[2]).toBe(1)
  expect(bucketsAt(monday + 7 * 86_400_000 - 1)[2]).toBe(bucketsAt(monday)[2])
  const march = Date.UTC(2024, 2, 1)
  expect(bucketsAt(march)[3] - bucketsAt(march - 1)[3]).toBe(1)
  expect(bucketsAt(march)[3]).toBe((2024 - 1970) * 12 + 2)
})

it('ninety days are thirteen weeks, thirty days are days', () => {
  expect(days(90)).toEqual({ resolution: 'week', buckets: 13 } satisfies Window)
  expect(days(30)).toEqual({ resolution: 'day', buckets: 30 } satisfies Window)
})

it.each([() => hours(49), () => days(92), () => weeks(14), () => months(14), () => days(0), () => days(1.5)])(
  'refuses a window it cannot keep',
  window => expect(window).toThrow(RangeError),
)
