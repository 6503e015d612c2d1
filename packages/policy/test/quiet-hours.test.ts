import type { ContactPolicy } from '@offerstream/contracts'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { contactPolicy } from '../src/examples.ts'
import { localTime } from '../src/local-time.ts'
import { quietEndsInMs } from '../src/quiet-hours.ts'

const policy = contactPolicy({ quietFromHour: 21, quietToHour: 8 })
const at = (text: string) => Date.parse(text)
const quietMs = (ms: number, hours: ContactPolicy) => quietEndsInMs(localTime('UTC', ms), ms, hours)

it('the time is the customer’s own, daylight saving included', () => {
  const local = (zone: string, text: string) => localTime(zone, at(text))
  expect(local('Europe/Berlin', '2025-01-06T12:30:00Z')).toEqual({ hour: 13, minute: 30, weekday: 1 })
  expect(local('Europe/Berlin', '2025-07-06T12:30:00Z')).toEqual({ hour: 14, minute: 30, weekday: 7 })
  expect(local('Asia/Kathmandu', '2025-01-08T20:30:00Z')).toEqual({ hour: 2, minute: 15, weekday: 4 })
  expect(local('Atlantis/Centre', '2025-01-06T12:30:00Z')).toEqual({ hour: 12, minute: 30, weekday: 1 })
  expect(local('UTC', '2025-01-06T00:00:00Z')).toEqual({ hour: 0, minute: 0, weekday: 1 })
})

it('a moment beyond the calendar is midnight, not the end of the process', () =>
  expect(localTime('UTC', 9e15)).toEqual({ hour: 0, minute: 0, weekday: 1 }))

it('they last from their first minute until just before their last', () => {
  const left = (text: string) => quietMs(at(text), policy) / 60_000
  expect(left('2025-01-06T20:59:59.999Z')).toBe(0)
  expect(left('2025-01-06T21:00:00Z')).toBe(11 * 60)
  expect(left('2025-01-07T07:59:30Z')).toBe(0.5)
  expect(left('2025-01-07T08:00:00Z')).toBe(0)
})

it('equal hours mean no quiet hours', () =>
  expect(quietMs(at('2025-01-06T21:00:00Z'), contactPolicy({ quietFromHour: 8, quietToHour: 8 }))).toBe(0))

it('when they end they are over, whatever the hours', () => {
  fc.assert(
    fc.property(fc.nat(23), fc.nat(23), fc.nat(86_400_000), (quietFromHour, quietToHour, ms) => {
      const hours = contactPolicy({ quietFromHour, quietToHour })
      const left = quietMs(ms, hours)
      expect(quietMs(ms + left, hours)).toBe(0)
      if (left > 0) expect(quietMs(ms + left - 1, hours)).toBe(1)
    }),
  )
})
