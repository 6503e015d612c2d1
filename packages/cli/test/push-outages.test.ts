// Bad days of a provider: an hour without it, a key that it refuses, devices that it calls dead though they live. What
// devices were sent is judged from the push service's own log; each control turns off what the promise rests on.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Answer, Provider } from '@offerstream/push-dispatcher'
import { afterAll, describe, expect, test } from 'vitest'
import { offerOf, openPushing, type Pushing, type PushingOptions, profileOf } from './pushing.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
/** A Tuesday. */
const noon = Date.parse('2026-06-02T12:00:00Z')

const folder = mkdtempSync(join(tmpdir(), 'offerstream-outages-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, at) => `c-${at}`)
async function open(count: number, change: Partial<PushingOptions>): Promise<Pushing> {
  const pushing = await openPushing({ start: noon, ...change })
  for (const name of names(count)) await pushing.device(name, `${name}-phone`)
  await pushing.customers(...names(count).map(name => profileOf(name, noon)))
  return pushing
}

/** Web Push whose answers mean something else. */
const meaning =
  (other: (answer: Answer) => Answer) =>
  (webPush: Provider<'web-push'>): Provider<'web-push'> => ({
    ...webPush,
    send: async (request, signal) => other(await webPush.send(request, signal)),
  })

describe('an hour without the provider', () => {
  const perMinute = 5
  const breakerResetMs = 50
  let hours = 0
  const worthIt = (at: number): number => (at % 2 === 0 ? 20 * hour : (5 + (at % 7) * 5) * minute)

  /** Offers come all the time; half of them expire within it. It answers 503, is gone, and answers 503 again. */
  async function hourWithout(change: Partial<PushingOptions>) {
    let asked = 0
    const { provider = each => each } = change
    const pushing = await open(60 * perMinute, {
      pushLog: join(folder, `${hours++}.jsonl`),
      dispatcher: { breakerResetMs },
      ...change,
      provider(webPush) {
        const around = provider(webPush)
        return {
          ...around,
          send(request, signal) {
            asked++
            return around.send(request, signal)
          },
        }
      },
    })
    try {
      const began = performance.now()
      const before = await pushing.store.peekProgress('push-dispatcher', 0)
      pushing.push.script({ answer: 503, times: 1_000_000 })
      for (let at = 0; at < 60; at++) {
        const customers = names(60 * perMinute).slice(at * perMinute, (at + 1) * perMinute)
        await pushing.offer(
          ...customers.map((name, place) => {
            const number = at * perMinute + place
            return offerOf(`o-${number}`, name, pushing.clock.at, { expiresAt: pushing.clock.at + worthIt(number) })
          }),
        )
        if (at === 20) await pushing.stopService()
        if (at === 40) {
          await pushing.startService()
          pushing.push.script({ answer: 503, retryAfter: '0', times: 1_000_000 })
        }
        await new Promise(resolve => setTimeout(resolve, 20))
        await pushing.leap(pushing.clock.at + minute)
      }
      const { ok } = await pushing.dispatcher.health()
      const isOwner = pushing.dispatcher.owned().includes('next-best-offers/0')
      const { epoch } = (await pushing.store.peekProgress('push-dispatcher', 0))!
      const ended = pushing.clock.at
      const during = {
        asked,
        // Those under way when it began; then one at a time, as often as the breaker lets one through.
        mostAsked: 20 + (performance.now() - began) / breakerResetMs,
        accepted: pushing.push.accepted.length,
      }
      pushing.push.script(null)
      const counts = await pushing.settled()
      const live = pushing.offers.filter(({ expiresAt }) => expiresAt > ended)
      return {
        violations: pushing.judged(),
        asked: during.asked,
        mostAsked: during.mostAsked,
        acceptedMeanwhile: during.accepted,
        lost: live.filter(({ id }) => pushing.acceptedTimes(id) === 0).length,
        live: live.length,
        accepted: pushing.push.accepted.length,
        rest: counts.expired + counts.rejected,
        total: counts.total,
        deadLetters: await pushing.deadLetters(),
        isKept: ok && isOwner && epoch === before?.epoch,
      }
    } finally {
      await pushing.end()
    }
  }

  test('costs nothing that is still worth sending, sends nothing twice or late, leaves the partition where it is, and nothing goes to dead letters', async () => {
    const found = await hourWithout({})
    console.log(`hour without the provider: ${JSON.stringify(found)}`)
    expect(found).toMatchObject({
      violations: {},
      acceptedMeanwhile: 0,
      lost: 0,
      accepted: found.live,
      rest: found.total - found.live,
      deadLetters: 0,
      isKept: true,
    })
    expect(found.live).toBeGreaterThan(30 * perMinute - 1)
    expect(found.rest).toBeGreaterThan(20 * perMinute)
    expect(found.asked).toBeLessThanOrEqual(found.mostAsked)
  })

  test('negative control: where 503 means no, each is tried, and what is worth sending is lost', async () => {
    const provider = meaning(answer =>
      answer.kind === 'unavailable' ? { kind: 'refused', reason: answer.reason } : answer,
    )
    const { lost, asked } = await hourWithout({ provider })
    expect(lost).toBeGreaterThan(0)
    // Of the forty minutes in which it answers.
    expect(asked).toBeGreaterThan(30 * perMinute)
  })
})

/** More than share a save, so that some are still in the log when it begins. */
const base = 150
const generous = { minimumGapMinutes: 0, offersPerWeek: 100, offersPerCategoryPerWeek: 100 }

/** Everybody is offered something while the provider answers like that; answers what becomes of that and of the next day. */
async function badDay(status: number, change: Pick<PushingOptions, 'provider' | 'dispatcher'> = {}) {
  const pushing = await open(base, change)
  try {
    await pushing.policy(generous)
    pushing.push.script({ answer: status, times: 1_000_000 })
    await pushing.offer(...names(base).map(name => offerOf(`bad-${name}`, name, noon, { expiresAt: noon + 5 * day })))
    const stopped = async (): Promise<void> => {
      while (pushing.dispatcher.providerStopped() === null) await new Promise(resolve => setTimeout(resolve, 10))
    }
    await (status === 410 || change.provider !== undefined ? pushing.settled() : stopped())
    // For whoever would still ask.
    await new Promise(resolve => setTimeout(resolve, 300))
    const refused = pushing.push.events.filter(each => each.event === 'refused').length
    const { problem } = await pushing.dispatcher.health()
    pushing.push.script(null)
    // An operator gives it the right key.
    await pushing.restart()
    await pushing.settled()
    const left = (await pushing.subscriptions.of(names(base))).flat().length
    await pushing.leap(noon + day)
    await pushing.offer(
      ...names(base).map(name => offerOf(`next-${name}`, name, noon + day, { sequence: 2, item: 'pack-m' })),
    )
    const counts = await pushing.settled()
    const reached = names(base).filter(name => pushing.acceptedTimes(`next-${name}`) === 1).length
    const late = names(base).filter(name => pushing.acceptedTimes(`bad-${name}`) === 1).length
    return { violations: pushing.judged(), refused, problem, left, reached, late, counts, notices: pushing.notices }
  } finally {
    await pushing.end()
  }
}

describe('a day on which the provider refuses our key', () => {
  test.each([401, 403])('(%i) costs no subscription, and the line goes on once the key is right', async status => {
    const { violations, refused, problem, left, reached, late, counts } = await badDay(status)
    console.log(`bad key, ${status}: ${refused} requests, ${base - left} deleted, ${late} sent the same day`)
    expect({ violations, left, reached }).toEqual({ violations: {}, left: base, reached: base })
    // Those under way at once learn it, nobody after them.
    expect(refused).toBeLessThanOrEqual(16)
    expect(problem).toBe(`web-push stopped: answered-${status}`)
    // The wave in hand is given up, what lies in the log goes out.
    expect(late).toBeGreaterThanOrEqual(base - 100)
    expect(counts.accepted + counts.rejected).toBe(2 * base)
  })

  test('negative control: where it means that the device is gone, live ones are deleted', async () => {
    const provider = meaning(answer => (answer.kind === 'our-key' ? { kind: 'gone', since: null } : answer))
    const { left, reached } = await badDay(403, { provider })
    expect(left).toBeLessThan(base)
    expect(reached).toBe(left)
  })
})

describe('a day on which the provider calls live devices dead', () => {
  test('costs as many as prove nothing, and no more', async () => {
    const { violations, left, reached, notices } = await badDay(410)
    console.log(`deletion storm: ${base - left} of ${base} deleted`)
    expect(violations).toEqual({})
    expect(notices.join('\n')).toContain('deleting none until that ends')
    expect(base - left).toBeLessThan(50 + 16)
    expect(reached).toBe(left)
  })

  test('negative control: without the breaker it costs them all', async () => {
    const deletionLimits = { share: 1, ofAtLeast: Number.POSITIVE_INFINITY }
    const { left, reached } = await badDay(410, { dispatcher: { deletionLimits } })
    expect([left, reached]).toEqual([0, 0])
  })
})
