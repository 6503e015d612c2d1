// A Kafka cluster whose brokers can be killed and brought back, for fault tests.
import { setTimeout as sleep } from 'node:timers/promises'
import { javaRuntime, kafkaJars } from './artifacts.ts'
import { download } from './download.ts'
import { openScratch } from './instance.ts'
import type { JavaChild } from './java.ts'
import { type KafkaNode, startKafka } from './kafka.ts'
import { refuseWhatIsMissing } from './local.ts'
import { freePorts } from './ports.ts'
import { downloadsFolder } from './prerequisites.ts'
import { kafkaBrokers } from './probe.ts'
import { type StackOptions, withDefaults } from './settings.ts'

export type Brokers = {
  readonly brokers: readonly string[]
  /** Signals one broker, counted from 0; resolves when it is gone, at once for SIGSTOP and SIGCONT. */
  kill(index: number, signal: NodeJS.Signals): Promise<void>
  /** Starts a broker that is gone, on its old port and data; resolves when it is back in the cluster. */
  restart(index: number): Promise<void>
  stop(): Promise<void>
}

/** A new cluster of so many brokers, each also a controller: replication 3 and min.insync.replicas 2 from three on. */
export async function startBrokers(count: number, options: Omit<StackOptions, 'fresh'> = {}): Promise<Brokers> {
  const settings = withDefaults({ instance: 'brokers', ...options })
  refuseWhatIsMissing(settings)
  const { children, close } = await openScratch(settings)
  try {
    const downloads = { folder: downloadsFolder(settings.directory), ...settings }
    const [java, jars] = await Promise.all([
      download(javaRuntime, children, downloads),
      download(kafkaJars, children, downloads),
    ])
    const ports = await freePorts(2 * count)
    const controllers = ports.slice(count).map((port, index) => `${index + 1}@127.0.0.1:${port}`)
    const nodes = controllers.map(
      (_, index): KafkaNode => ({
        name: `broker-${index + 1}`,
        id: index + 1,
        port: ports[index]!,
        controllerPort: ports[count + index]!,
        controllers,
        heapMb: 384,
        mayTrain: false,
      }),
    )
    const start = (node: KafkaNode) => startKafka(node, { java, jars }, children, settings.environment)
    const running: JavaChild[] = await Promise.all(nodes.map(start))
    await Promise.all(nodes.map(node => untilListed(node.port, count)))
    const at = (index: number) => {
      if (running[index] === undefined)
        throw new Error(`there is no broker ${index}: they are counted from 0 to ${count - 1}`)
      return running[index].child
    }
    return {
      brokers: nodes.map(({ port }) => `127.0.0.1:${port}`),
      async kill(index, signal) {
        at(index).signal(signal)
        if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await at(index).ended
      },
      async restart(index) {
        if (at(index).alive()) throw new Error(`broker ${index} still runs: kill it before it is restarted`)
        running[index] = await start(nodes[index]!)
      },
      stop: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** A broker knows itself first; the others join within a second or two. */
async function untilListed(port: number, count: number): Promise<void> {
  const deadline = performance.now() + 30_000
  while (performance.now() < deadline) {
    const brokers = await kafkaBrokers(port).catch(() => [])
    if (brokers.length === count) return
    await sleep(50)
  }
  throw new Error(`the broker on port ${port} did not see ${count} brokers within 30 s`)
}
