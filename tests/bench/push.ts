import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts, startRedis } from '@offerstream/stack'
import { type RedisClient, redisClient } from '@offerstream/streaming'
import type { Bench } from './bench.ts'
import { usedMemory } from './place.ts'
import { type Started, start, stopAll } from './processes.ts'
import { writeCertificate } from './push-certificate.ts'
import type { PusherOrder } from './pusher-main.ts'

const goalSigning = 450
const goalCached = 1000
const goalStopMs = 1000
/** Decided to sending, sending to accepted. */
const arrowsPerPush = 2
/** More than go out within the second that a stop may take. */
const switches = { offers: 3000, after: 250 }
const warmUp = 500
/** What a dispatcher has under way at most: four partitions, sixteen each. */
const [partitions, atOnce] = [4, 64]
const customers = 2000

type Begin = PusherOrder & { readonly event: 'begin' }
const here: Omit<Begin, 'customers'> = {
  event: 'begin',
  url: null,
  cert: null,
  signEachTime: false,
  redis: null,
  shut: null,
}

type Measured = { readonly perCpuSecond: number; readonly perSecond: number }

/** A dispatcher in a process of its own, which ends with the work. */
async function withPusher<T>(begin: Begin, use: (ask: (order: PusherOrder) => Promise<Figures>) => Promise<T>) {
  const pusher: Started = start(`pusher-${++pushers}`, 'tests/bench/pusher-main.ts')
  const ask = async (order: PusherOrder): Promise<Figures> => {
    const answer = pusher.hears(order.event)
    pusher.process.send(order)
    return (await answer) as Figures
  }
  await pusher.hears('ready')
  await ask(begin)
  try {
    return await use(ask)
  } finally {
    await pusher.stop()
  }
}
let pushers = 0
type Figures = Readonly<Record<string, number>>
type Waited = {
  readonly heapBytes: number
  readonly residentBytesBefore: number
  readonly residentBytes: number
  /** Of those that wait, how many were taken from the log, and how many of them are held. */
  readonly entered: number
  readonly deferred: number
  readonly redisBytes: number
}

const measured = ({ pushes, seconds, cpuSeconds }: Figures): Measured => ({
  perCpuSecond: pushes! / cpuSeconds!,
  perSecond: pushes! / seconds!,
})

type Ceiling = Measured & { readonly bytes: number }

/** A client that does nothing but post what a push is made of, to a server that does nothing but take it. */
async function barePosts(requests: number, key: string, cert: string): Promise<Ceiling> {
  const [port] = await freePorts(1)
  const receiver = start('post-receiver', 'tests/bench/post-receiver-main.ts', { args: [`${port}`, key, cert] })
  await receiver.hears('ready')
  const settings = { url: `https://127.0.0.1:${port}`, key, cert, requests, warmUp, atOnce }
  const client = start('post-ceiling', 'tests/bench/post-ceiling-main.ts', { args: [JSON.stringify(settings)] })
  try {
    const found = (await client.hears('posted')) as Figures
    return { ...measured(found), bytes: found['bytes']! }
  } finally {
    await Promise.all([client.stop(), receiver.stop()])
  }
}

type ServerSaw = { readonly scripts: number; readonly inBytes: number; readonly outBytes: number }

/** What Redis counted since it began: script calls, and bytes of whatever came and went. */
async function serverSaw(client: RedisClient): Promise<ServerSaw> {
  const text = await client.use(each => each.info('all'))
  const numbers = (pattern: RegExp): number[] => [...text.matchAll(pattern)].map(([, number]) => Number(number))
  return {
    scripts: numbers(/^cmdstat_eval(?:sha)?(?:_ro)?:calls=(\d+)/gm).reduce((sum, each) => sum + each, 0),
    inBytes: numbers(/^total_net_input_bytes:(\d+)/gm)[0]!,
    outBytes: numbers(/^total_net_output_bytes:(\d+)/gm)[0]!,
  }
}

/** As many calls of a script that does nothing as a ledger made, of as many bytes; what it read besides counts as theirs. */
async function bareCalls(url: string, { scripts, inBytes, outBytes }: ServerSaw): Promise<Ceiling> {
  const each = { inBytes: Math.round(inBytes / scripts), outBytes: Math.round(outBytes / scripts) }
  const settings = { url, calls: Math.max(2000, scripts), atOnce: partitions, ...each }
  const client = start('script-ceiling', 'tests/bench/script-ceiling-main.ts', { args: [JSON.stringify(settings)] })
  try {
    return { ...measured((await client.hears('called')) as Figures), bytes: each.inBytes + each.outBytes }
  } finally {
    await client.stop()
  }
}

export const push: Bench = {
  says: 'pushes per second over TLS, how soon a kill switch stops them, the ledger alone, memory of a backlog',
  options: {
    offers: { fallback: '10000', says: 'pushes measured, each way' },
    switches: { fallback: '30', says: 'kill switches thrown' },
    backlog: { fallback: '100000', says: 'offers that wait' },
  },
  async run(settings, progress) {
    const [offers, times, waiting] = [settings['offers'], settings['switches'], settings['backlog']].map(Number) as [
      number,
      number,
      number,
    ]
    const folder = mkdtempSync(join(tmpdir(), 'offerstream-push-'))
    const redis = await startRedis({ persist: false })
    const client = redisClient({ url: redis.url })
    try {
      const { key, cert } = writeCertificate(folder)
      const overTls = async <T>(signEachTime: boolean, use: Parameters<typeof withPusher<T>>[1]): Promise<T> => {
        const [port] = await freePorts(1)
        const service = start('push-service', 'packages/stack/src/push-service-main.ts', {
          args: [`${port}`, join(folder, `pushes-${signEachTime}-${port}.jsonl`), key, cert],
        })
        try {
          const url = `https://127.0.0.1:${port}`
          return await withPusher({ ...here, url, cert, signEachTime, customers }, use)
        } finally {
          await service.stop()
        }
      }
      const pushed = (signEachTime: boolean): Promise<Measured> =>
        overTls(signEachTime, async ask => {
          await ask({ event: 'push', offers: warmUp })
          return measured(await ask({ event: 'push', offers }))
        })
      progress('pushing, signed each time')
      const signing = await pushed(true)
      progress('pushing, the token kept')
      const cached = await pushed(false)

      progress('bare POSTs of the same bytes')
      const posted = await barePosts(offers, key, cert)

      const stops: number[] = []
      const rates: number[] = []
      let left = Number.POSITIVE_INFINITY
      await overTls(false, async ask => {
        await ask({ event: 'push', offers: warmUp })
        while (stops.length < times) {
          const stop = await ask({ event: 'switch', ...switches })
          stops.push(stop['ms']!)
          rates.push(stop['rate']!)
          left = Math.min(left, stop['left']!)
          progress('throwing kill switches', stops.length / times)
        }
      })
      const sorted = stops.sort((a, b) => a - b)
      const percentile = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1]!
      const rate = rates.reduce((sum, each) => sum + each, 0) / rates.length

      const ledgerOn = (url: string | null): Promise<readonly [Measured, ServerSaw]> =>
        withPusher({ ...here, redis: url, customers }, async ask => {
          await ask({ event: 'push', offers: warmUp })
          const before = await serverSaw(client)
          const found = measured(await ask({ event: 'push', offers: offers * 2 }))
          const after = await serverSaw(client)
          const { scripts, inBytes, outBytes } = before
          return [
            found,
            { scripts: after.scripts - scripts, inBytes: after.inBytes - inBytes, outBytes: after.outBytes - outBytes },
          ]
        })
      progress('the ledger alone')
      const [inMemory] = await ledgerOn(null)
      const [inRedis, saw] = await ledgerOn(redis.url)
      progress('bare script calls of the same bytes')
      const arrowsPerCall = (offers * 2 * arrowsPerPush) / saw.scripts
      const called = await bareCalls(redis.url, saw)

      progress(`${waiting} offers behind an outage`)
      const wait = async (shut: 'outage' | 'quiet-hours', count: number, seconds: number): Promise<Waited> => {
        await client.use(each => each.flushall())
        const empty = await usedMemory(client)
        const found = await withPusher({ ...here, redis: redis.url, shut, customers: count }, ask =>
          ask({ event: 'backlog', offers: count, seconds }),
        )
        return { ...(found as Waited), redisBytes: (await usedMemory(client)) - empty }
      }
      const outage = await wait('outage', waiting, 10)
      progress(`${waiting} offers held for quiet hours, half of them first`)
      const half = Math.floor(waiting / 2)
      const halfHeld = await wait('quiet-hours', half, 300)
      const held = await wait('quiet-hours', waiting, 300)
      /** Of one more: what does not grow with the backlog is left aside. */
      const perOffer = (field: 'heapBytes' | 'redisBytes'): string =>
        Math.round((held[field] - halfHeld[field]) / (waiting - half)).toLocaleString('en')
      const mb = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)
      const memoryOf = ({ heapBytes, residentBytesBefore, residentBytes }: Waited): string =>
        `${mb(heapBytes)} MB of heap more; resident ${mb(residentBytesBefore)} MB before, with the log, and ${mb(residentBytes)} after`
      const share = (some: Measured, ceiling: Measured): string =>
        `${Math.round((100 * some.perCpuSecond) / ceiling.perCpuSecond)} %`
      const reached = {
        signing: signing.perCpuSecond >= goalSigning,
        cached: cached.perCpuSecond >= goalCached,
        stop: percentile(0.99) <= goalStopMs,
      }
      return {
        title: `${offers.toLocaleString('en')} pushes over TLS, each way, to a push service that decrypts them`,
        rows: [
          ['', 'per CPU-second', 'per second by the clock'],
          ['pushes, signed each time', signing.perCpuSecond, signing.perSecond],
          ['pushes, the token kept', cached.perCpuSecond, cached.perSecond],
          ['bare POSTs of the same bytes', posted.perCpuSecond, posted.perSecond],
          ['transitions, ledger in memory', inMemory.perCpuSecond * arrowsPerPush, inMemory.perSecond * arrowsPerPush],
          ['transitions, ledger in Redis', inRedis.perCpuSecond * arrowsPerPush, inRedis.perSecond * arrowsPerPush],
          [
            'bare script calls of the same bytes',
            called.perCpuSecond * arrowsPerCall,
            called.perSecond * arrowsPerCall,
          ],
        ],
        remarks: [
          `goals ${goalSigning} and ${goalCached} pushes per CPU-second: ${reached.signing ? 'reached' : 'NOT reached'}, ${reached.cached ? 'reached' : 'NOT reached'}`,
          `kill switch: ${stops.length} thrown at ${Math.round(rate)} pushes/s, the last push p50 ${percentile(0.5)} ms and p99 ${percentile(0.99)} ms after it, no fewer than ${left} of ${switches.offers} stopped; goal ${goalStopMs}: ${reached.stop ? 'reached' : 'NOT reached'}`,
          `pushes at ${share(signing, posted)} and ${share(cached, posted)} of bare POSTs of ${posted.bytes} bytes each; transitions in Redis at ${Math.round((100 * inRedis.perCpuSecond * arrowsPerPush) / (called.perCpuSecond * arrowsPerCall))} % of bare calls, ${arrowsPerCall.toFixed(1)} a call of ${called.bytes} bytes`,
          `${waiting.toLocaleString('en')} offers behind an outage: ${outage.entered} taken from the log; ${memoryOf(outage)}`,
          `${held.deferred.toLocaleString('en')} held for quiet hours: ${memoryOf(held)}; each one more takes ${perOffer('heapBytes')} bytes of heap and ${perOffer('redisBytes')} of Redis, contacts included`,
        ],
        figures: {
          signing,
          cached,
          posted,
          stops: sorted,
          rate,
          inMemory,
          inRedis,
          called,
          arrowsPerCall,
          outage,
          halfHeld,
          held,
          left,
          reached,
        },
      }
    } finally {
      await stopAll()
      await client.close()
      await redis.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  },
}
