// Sends at the moments intended, whatever became of what was sent before: an open loop. Each phase goes on in one stream.
import type { Purchase, Usage } from '@offerstream/contracts'
import { steady } from '@offerstream/simulator'
import { confluentRegistry, kafkaLog, type Outgoing, openTopic, partitionOf, type Topic } from '@offerstream/streaming'

type Settings = {
  readonly brokers: readonly string[]
  readonly registry: string
  readonly prefix: string
  readonly partitions: number
  readonly customers: number
  readonly seed: number
  readonly triggerShare: number
}
type Phase = { readonly rate: number; readonly seconds: number }

const { brokers, registry, prefix, partitions, customers, seed, triggerShare }: Settings = JSON.parse(process.argv[2]!)
const log = kafkaLog({ brokers, clientId: 'bench-sender' })
const known = confluentRegistry({ host: registry })
const topics = {
  purchase: (await openTopic(known, 'purchases', prefix)) as unknown as Topic<unknown>,
  usage: (await openTopic(known, 'usage', prefix)) as unknown as Topic<unknown>,
}
const stream = steady({ seed, customers, start: 0, intervalMs: 0, triggerShare })
let sent = 0
let failure: Error | null = null

const now = (): number => performance.timeOrigin + performance.now()

process.on('message', (phase: Phase) => {
  const first = sent
  const count = Math.round(phase.rate * phase.seconds)
  const start = now() + 100
  const intendedAt = (n: number): number => start + ((n - first) * 1000) / phase.rate
  process.send!({ event: 'began', first, start, rate: phase.rate, count })
  const timer = setInterval(() => {
    const lanes = new Map<string, { path: string; partition: number; records: Outgoing[] }>()
    while (sent < first + count && intendedAt(sent) <= now()) {
      const event = stream.next().value as Purchase | Usage
      const at = Math.round(intendedAt(sent++))
      const { path, codec } = topics[event.type]
      const partition = partitionOf(event.customer, partitions)
      const lane = lanes.get(`${path}/${partition}`) ?? { path, partition, records: [] }
      lanes.set(`${path}/${partition}`, lane)
      lane.records.push({ key: event.customer, value: codec.encode({ ...event, at }), timestamp: at })
    }
    for (const { path, partition, records } of lanes.values())
      log.append(path, partition, records).catch(error => {
        failure ??= error as Error
      })
    if (failure !== null) throw failure
    if (sent < first + count) return
    clearInterval(timer)
    process.send!({ event: 'ended' })
  }, 1)
})
process.send!({ event: 'ready' })
