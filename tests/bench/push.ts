import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts, startRedis } from '@offerstream/stack'
import { redisClient } from '@offerstream/streaming'
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
const switches = { offers: 1500, after: 250 }
const warmUp = 500
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

const measured = ({ pushes, seconds, cpuSeconds }: Figures): Measured => ({
  perCpuSecond: pushes! / cpuSeconds!,
  perSecond: pushes! / seconds!,
})

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

      const stops: number[] = []
      const rates: number[] = []
      await overTls(false, async ask => {
        await ask({ event: 'push', offers: warmUp })
        while (stops.length < times) {
          const { ms, rate } = await ask({ event: 'switch', ...switches })
          stops.push(ms!)
          rates.push(rate!)
          progress('throwing kill switches', stops.length / times)
        }
      })
      const sorted = stops.sort((a, b) => a - b)
      const percentile = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1]!
      const rate = rates.reduce((sum, each) => sum + each, 0) / rates.length

      const ledgerOn = (url: string | null): Promise<Measured> =>
        withPusher({ ...here, redis: url, customers }, async ask => {
          await ask({ event: 'push', offers: warmUp })
          return measured(await ask({ event: 'push', offers: offers * 2 }))
        })
      progress('the ledger alone')
      const inMemory = await ledgerOn(null)
      const inRedis = await ledgerOn(redis.url)

      progress(`${waiting} offers behind an outage`)
      const wait = (begin: Pick<Begin, 'redis' | 'shut'>, seconds: number): Promise<Figures> =>
        withPusher({ ...here, ...begin, customers: waiting }, ask =>
          ask({ event: 'backlog', offers: waiting, seconds }),
        )
      await client.use(each => each.flushall())
      const outage = await wait({ redis: redis.url, shut: 'outage' }, 10)
      await client.use(each => each.flushall())
      progress(`${waiting} offers held for quiet hours`)
      const empty = await usedMemory(client)
      const held = await wait({ redis: redis.url, shut: 'quiet-hours' }, 300)
      const heldBytes = ((await usedMemory(client)) - empty) / Math.max(1, held['deferred']!)
      const mb = (bytes: number): number => bytes / 2 ** 20
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
          ['transitions, ledger in memory', inMemory.perCpuSecond * arrowsPerPush, inMemory.perSecond * arrowsPerPush],
          ['transitions, ledger in Redis', inRedis.perCpuSecond * arrowsPerPush, inRedis.perSecond * arrowsPerPush],
        ],
        remarks: [
          `goals ${goalSigning} and ${goalCached} pushes per CPU-second: ${reached.signing ? 'reached' : 'NOT reached'}, ${reached.cached ? 'reached' : 'NOT reached'}`,
          `kill switch: ${stops.length} thrown at ${Math.round(rate)} pushes/s, the last push p50 ${percentile(0.5)} ms and p99 ${percentile(0.99)} ms after it; goal ${goalStopMs}: ${reached.stop ? 'reached' : 'NOT reached'}`,
          `${waiting.toLocaleString('en')} offers behind an outage: ${mb(outage['heapBytes']!).toFixed(1)} MB of heap more, ${outage['entered']} taken from the log`,
          `${held['deferred']!.toLocaleString('en')} held for quiet hours: ${mb(held['heapBytes']!).toFixed(1)} MB of heap more, ${Math.round(heldBytes)} bytes of Redis each, contacts included`,
        ],
        figures: { signing, cached, stops: sorted, rate, inMemory, inRedis, outage, held, heldBytes, reached },
      }
    } finally {
      await stopAll()
      await client.close()
      await redis.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  },
}
