// The limits one by one, on a clock of their own.
import { Refused } from '@offerstream/streaming'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assertMayBe, isLocal, isVirtual, shadowOf } from '../src/mode.ts'
import { createPacer } from '../src/pacing.ts'
import { createGate } from '../src/providers/gate.ts'
import type { Answer, Provider, PushRequest } from '../src/providers/provider.ts'
import { createRetryBudget } from '../src/providers/retry-budget.ts'
import { createTokenBucket } from '../src/providers/token-bucket.ts'
import { createQuietClock } from '../src/quiet-hours.ts'
import { createRollingCount } from '../src/rolling-count.ts'
import { chooseMoment, preferredHours, sendHourOf, sendNow } from '../src/send-hour.ts'
import { createVolumeBreaker } from '../src/volume-breaker.ts'
import { contact, hour, noon, offer } from './given.ts'

/** The most moments that any window of the length holds. */
function mostWithin(moments: readonly number[], windowMs: number): number {
  let most = 0
  for (const end of moments) most = Math.max(most, moments.filter(each => each > end - windowMs && each <= end).length)
  return most
}

const steps = fc.array(fc.nat(400), { minLength: 1, maxLength: 300 })

test('a rolling count never counts too few, and none that is a sixtieth of a window past it', () => {
  fc.assert(
    fc.property(steps, pauses => {
      let at = 5
      const count = createRollingCount(6000, () => at)
      const added: number[] = []
      for (const pause of pauses) {
        at += pause
        count.add()
        added.push(at)
        const within = (ms: number) => added.filter(each => each > at - ms).length
        expect(count.count()).toBeGreaterThanOrEqual(within(6000))
        expect(count.count()).toBeLessThanOrEqual(within(6101))
      }
    }),
  )
})

test('a bucket lets through its rate and a tenth of a second more, over any window', () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 200 }), (pauses, rate) => {
      let at = 0
      const bucket = createTokenBucket(
        () => rate,
        () => at,
      )
      const taken: number[] = []
      for (const pause of pauses) {
        at += pause
        while (bucket.take()) taken.push(at)
        expect(bucket.hasToken()).toBe(false)
      }
      for (const windowMs of [100, 1000, 10_000])
        expect(mostWithin(taken, windowMs)).toBeLessThanOrEqual((rate * (windowMs + 100)) / 1000 + 1)
    }),
  )
})

test('retries are a tenth of the first tries, or ten a second where that is more', () => {
  let at = 0
  const budget = createRetryBudget(undefined, () => at)
  const retried = () => {
    let count = 0
    for (; budget.mayRetry(); count++) budget.count(true)
    return count
  }
  expect(retried()).toBe(100)
  at += 11_000
  for (let i = 0; i < 5000; i++) budget.count(false)
  expect(retried()).toBe(500)
  at += 5000
  expect(retried()).toBe(0)
})

describe('the volume breaker', () => {
  const opened = () => {
    const clock = { at: 0 }
    const notices: string[] = []
    const breaker = createVolumeBreaker(
      { perMinute: 100, quietMs: 600_000 },
      line => notices.push(line),
      () => clock.at,
    )
    return { clock, notices, breaker }
  }
  test('stops everything at one request too many within a minute, says so once, and goes on after a quiet while', () => {
    const { clock, notices, breaker } = opened()
    for (let i = 0; i < 100; i++) expect(breaker.take()).toBe(true)
    expect([breaker.maySend(), breaker.problem()]).toEqual([true, null])
    expect([breaker.take(), breaker.take(), breaker.maySend()]).toEqual([false, false, false])
    expect(breaker.problem()).toContain('volume breaker')
    clock.at += 599_000
    expect(breaker.take()).toBe(false)
    clock.at += 1000
    expect([breaker.take(), breaker.problem(), notices.length]).toEqual([true, null, 1])
  })
  test('lets the same number go by over a longer time', () => {
    const { clock, notices, breaker } = opened()
    for (let i = 0; i < 1000; i++, clock.at += 620) expect(breaker.take()).toBe(true)
    expect(notices).toEqual([])
  })
})

describe('a campaign with a pace', () => {
  const spring = offer({ trigger: { kind: 'campaign', event: 'spring', at: noon } })
  /** Offers that come at once, looked at every quarter of a second: when each goes. */
  const go = (count: number, pace: Readonly<Record<string, number>>, pauseMs = 250) => {
    const pacer = createPacer()
    const went: number[] = []
    let waiting: { until: number; waited: boolean }[] = Array.from({ length: count }, () => ({
      until: noon,
      waited: false,
    }))
    let looks = 0
    for (let at = noon; waiting.length > 0; at += pauseMs)
      waiting = waiting.flatMap(each => {
        if (each.until > at) return [each]
        looks++
        const until = pacer.next(spring, pace, at, each.waited)
        if (until !== null) return [{ until, waited: true }]
        went.push(at)
        return []
      })
    return { went, looks }
  }
  test('goes at that pace, and nobody is looked at over and over', () => {
    const { went, looks } = go(300, { spring: 60 })
    expect(mostWithin(went, 60_000)).toBeLessThanOrEqual(62)
    expect(went.at(-1)! - noon).toBeLessThanOrEqual(301_000)
    expect(looks).toBeLessThanOrEqual(2 * 300)
  })
  test('goes at the slower of two paces', () => {
    const { went } = go(20, { campaign: 600, spring: 60 })
    expect(mostWithin(went, 10_000)).toBeLessThanOrEqual(12)
  })
  test('keeps it when nobody looked for a while', () => {
    const { went } = go(300, { spring: 60 }, 30_000)
    expect(mostWithin(went, 60_000)).toBeLessThanOrEqual(62)
  })
  test('of which a member takes its share', () => {
    const pacer = createPacer(() => 0.25)
    const went = [0, 1, 2, 3, 4, 5, 6, 7, 8].filter(
      second => pacer.next(spring, { spring: 60 }, noon + second * 1000, true) === null,
    )
    expect(went).toEqual([0, 4, 8])
  })
  test('others go at once', () => {
    expect(go(300, { summer: 1 }).went).toEqual(Array(300).fill(noon))
  })
  test('who comes later does not overtake who waits', () => {
    const pacer = createPacer()
    const next = (at: number, waited = false) => pacer.next(spring, { spring: 60 }, at, waited)
    expect([next(noon), next(noon), next(noon)]).toEqual([null, noon + 1000, noon + 2000])
    expect(next(noon + 1000)).toBe(noon + 3000)
    expect(next(noon + 1010, true)).toBeNull()
    expect(next(noon + 2010, true)).toBeNull()
  })
})

describe('the hour to send at', () => {
  const quiet = createQuietClock()
  const chosen = (choose: Parameters<typeof chooseMoment>[0], zone = 'UTC') =>
    chooseMoment(choose, contact({ zone }), offer({ expiresAt: noon + 8 * hour }), noon, { own: [], cohort: [] })
  test('is now unless somebody says otherwise', () => {
    expect(chosen(sendNow)).toEqual({ choice: 'now', at: noon })
    expect(chosen(() => noon + 5.5)).toEqual({ choice: 'later', at: noon + 6 })
    expect(chosen(() => noon - hour)).toEqual({ choice: 'now', at: noon })
  })
  test('is now where whoever chooses does not know, fails, or chooses too late: and it is said why', () => {
    const throws = () => {
      throw new Error('no model')
    }
    expect(chosen(() => null)).toEqual({ choice: 'unknown', at: noon })
    expect(chosen(throws)).toEqual({ choice: 'failed', at: noon })
    expect(chosen(() => Number.NaN)).toEqual({ choice: 'failed', at: noon })
    expect(chosen(() => noon + 8 * hour)).toEqual({ choice: 'past-expiry', at: noon })
    expect(chosen(preferredHours(17, 20, quiet), 'Mars/Olympus')).toEqual({ choice: 'failed', at: noon })
  })
  test('may be a span of hours, by the clock on the customer’s wall', () => {
    expect(chosen(sendHourOf('17-20', quiet))).toEqual({ choice: 'later', at: noon + 5 * hour })
    expect(chosen(sendHourOf('17-20', quiet), 'Asia/Kolkata')).toEqual({ choice: 'now', at: noon })
    expect(chosen(sendHourOf('20-13', quiet)).choice).toBe('now')
    expect(chosen(sendHourOf('9-11', quiet)).choice).toBe('past-expiry')
    expect(() => sendHourOf('17', quiet)).toThrow('no span of hours')
    expect(() => sendHourOf('5-25', quiet)).toThrow('no span of hours')
  })
})

describe('modes', () => {
  const clockAt = (at: number) => ({ now: () => at })
  test('a clock that is not the wall’s is never live, unless its devices are local', () => {
    expect(() => assertMayBe('live', clockAt(noon), false)).toThrow(Refused)
    expect(() => assertMayBe('live', clockAt(noon), false)).toThrow('never pushed live')
    expect(() => assertMayBe('live', clockAt(noon), true)).not.toThrow()
    expect(() => assertMayBe('shadow', clockAt(noon), false)).not.toThrow()
    expect(() => assertMayBe('live', { now: Date.now }, false)).not.toThrow()
    expect(isVirtual(clockAt(Date.now() + 61_000))).toBe(true)
  })
  test.each([
    ['https://updates.push.services.mozilla.com', false],
    ['http://127.0.0.1:8080', true],
    ['http://[::1]:8080', true],
    ['127.0.0.1:2525', true],
    ['mail.example.org:465', false],
    ['127.0.0.1.example.org:25', false],
    ['nonsense', false],
    ['', false],
  ])('%s local: %s', (origin, local) => {
    expect(isLocal(origin)).toBe(local)
  })
})

const requestTo = (endpoint: string): PushRequest<'web-push'> => ({
  address: { kind: 'web-push', endpoint, keys: { p256dh: '', auth: '' } },
  handle: 'phone',
  message: {
    ...{ offer: 'offer-1', item: 'pack-s', kind: 'package', title: 'main', text: 'Two gigabytes more', locale: 'en' },
    ...{ priceMinor: 500, currency: 'EUR', expiresAt: noon, link: null, unsubscribe: null },
  },
  ttlSeconds: 60,
  collapseId: 'a',
  urgency: 'normal',
})
const answering = (answer: Answer): Provider<'web-push'> & { calls: number } => ({
  name: 'fake',
  takes: 'web-push',
  origin: ({ endpoint }) => new URL(endpoint).origin,
  calls: 0,
  async send() {
    this.calls++
    return answer
  },
})
const soon = () => AbortSignal.timeout(5000)

describe('a gate', () => {
  const away = requestTo('https://push.example.net/a')
  const send = async (gate: ReturnType<typeof createGate<'web-push'>>, times: number, isRetry = false) => {
    const kinds: string[] = []
    for (let i = 0; i < times; i++) kinds.push((await gate.send(away, soon(), isRetry)).kind)
    return kinds
  }
  test('keeps the rate of an origin, each its own', async () => {
    const provider = answering({ kind: 'accepted' })
    const gate = createGate(provider, { rate: origin => (origin.endsWith('.net') ? 20 : null) })
    const began = performance.now()
    const kinds: string[] = []
    const isAccepted = (kind: string): boolean => kind === 'accepted'
    while (kinds.filter(isAccepted).length < 6) {
      kinds.push(...(await send(gate, 5)))
      expect((await gate.send(requestTo('https://push.example.org/b'), soon())).kind).toBe('accepted')
      await gate.opens('https://push.example.net', 20, soon())
    }
    const accepted = kinds.filter(isAccepted).length
    expect(accepted).toBeLessThanOrEqual((20 * (performance.now() - began + 100)) / 1000 + 1)
    expect(new Set(kinds)).toEqual(new Set(['accepted', 'limited']))
    gate.close()
  })
  test('spends no more than the budget on trying again; a first try is free', async () => {
    const gate = createGate(answering({ kind: 'busy', retryAfterMs: 0 }), {
      retries: { share: 0.1, leastPerSecond: 0, windowMs: 60_000 },
    })
    expect(await send(gate, 50)).toEqual(Array(50).fill('busy'))
    expect(await send(gate, 10, true)).toEqual([...Array(5).fill('busy'), ...Array(5).fill('limited')])
    expect(await send(gate, 1)).toEqual(['busy'])
    gate.close()
  })
  test('calls nobody outside this machine while the clock is not the wall’s', async () => {
    const provider = answering({ kind: 'accepted' })
    let virtual = true
    const gate = createGate(provider, { localOnly: () => virtual })
    expect(await gate.send(away, soon())).toEqual({ kind: 'refused', reason: 'virtual-clock' })
    expect(await gate.send(requestTo('http://127.0.0.1:9/a'), soon())).toEqual({ kind: 'accepted' })
    expect(provider.calls).toBe(1)
    virtual = false
    expect(await gate.send(away, soon())).toEqual({ kind: 'accepted' })
    gate.close()
  })
  test('shuts for all when the volume breaker opens', async () => {
    const provider = answering({ kind: 'accepted' })
    const volume = createVolumeBreaker({ perMinute: 3, quietMs: 60_000 })
    const gate = createGate(provider, { volume })
    expect(await send(gate, 5)).toEqual(['accepted', 'accepted', 'accepted', 'shut', 'shut'])
    expect([provider.calls, gate.isOpen('https://push.example.net')]).toEqual([3, false])
    gate.close()
  })
})

test('a shadow is asked like the provider, accepts everything and sends nothing', async () => {
  const provider = answering({ kind: 'accepted' })
  const shadow = shadowOf(provider) as Provider<'web-push'>
  expect([shadow.name, shadow.takes]).toEqual(['shadow-fake', 'web-push'])
  expect(shadow.origin(requestTo('https://push.example.net/a').address)).toBe('https://push.example.net')
  expect(await shadow.send(requestTo('https://push.example.net/a'), soon())).toEqual({ kind: 'accepted' })
  expect(provider.calls).toBe(0)
})
