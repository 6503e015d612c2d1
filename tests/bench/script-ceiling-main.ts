// The most that a client of Redis does with the bytes of a ledger's saves: script calls that take as many bytes and answer as many,
// each partition one after the other. The script does nothing with them.
import { redisClient } from '@offerstream/streaming'

type Settings = {
  readonly url: string
  readonly calls: number
  readonly atOnce: number
  /** Of one call, both ways. */
  readonly inBytes: number
  readonly outBytes: number
}

const { url, calls, atOnce, inBytes, outBytes }: Settings = JSON.parse(process.argv[2]!)
const redis = redisClient({ url })
const words = Buffer.alloc(inBytes, 'x')
const text = `return '${'x'.repeat(outBytes)}'`
const script = (await redis.use(client => client.call('SCRIPT', 'LOAD', text))) as string

await callAll(calls)
const [cpu, began] = [process.cpuUsage(), performance.now()]
await callAll(calls)
const { user, system } = process.cpuUsage(cpu)
const seconds = (performance.now() - began) / 1000
process.send!({ event: 'called', pushes: calls, seconds, cpuSeconds: (user + system) / 1e6 })
await redis.close()

async function callAll(count: number): Promise<void> {
  let left = count
  const worker = async (): Promise<void> => {
    while (left-- > 0) await redis.use(client => client.callBuffer('EVALSHA', script, 0, words))
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
