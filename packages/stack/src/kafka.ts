import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type JavaChild, javaBinary, javaCommand, startCache, startJava } from './java.ts'
import { kafkaBrokers } from './probe.ts'
import { type Children, logTail } from './process.ts'
import { StackUnavailable } from './unavailable.ts'
import { infra } from './workspace.ts'

export type KafkaNode = {
  readonly name: string // names its log, data folder and properties
  readonly id: number
  readonly port: number
  readonly controllerPort: number
  readonly controllers: readonly string[] // id@host:port of every controller; just its own when it stands alone
  readonly heapMb: number
  readonly mayTrain: boolean
}

export type KafkaFolders = { readonly java: string; readonly jars: string }

const clusterId = 'b2ZmZXJzdHJlYW0AAAAAAQ' // any fixed id of this form; clusters are told apart by their folders

/** Starts one broker on its folder's data, formatting it first when new; ready once Metadata lists the broker itself. */
export async function startKafka(
  node: KafkaNode,
  folders: KafkaFolders,
  children: Children,
  environment: NodeJS.ProcessEnv,
): Promise<JavaChild> {
  const java = javaBinary(folders.java)
  const data = path.join(children.directory, node.name)
  const settings = path.join(children.directory, `${node.name}.properties`)
  writeFileSync(settings, properties(node, data))
  const cache = { file: startCache(folders.java, folders.jars), mayTrain: node.mayTrain }
  const log4j = `-Dlog4j2.configurationFile=${path.join(infra, 'kafka', 'log4j2.xml')}`
  const run = (main: string, ...rest: string[]) => [log4j, '-cp', `${folders.jars}/*`, main, ...rest]

  if (!existsSync(path.join(data, 'meta.properties'))) {
    const alone = node.controllers.length === 1 ? ['--standalone'] : []
    const format = await children.start({
      name: `${node.name}-format`,
      command: javaCommand(java, run('kafka.tools.StorageTool', 'format', ...alone, '-t', clusterId, '-c', settings)),
      environment,
    })
    const how = await format.ended
    if (how !== 'ended with code 0') {
      throw new StackUnavailable({
        tried: `format the data folder of ${node.name}`,
        missing: `it ${how}; ${logTail(format)}`,
        fix: `look at ${data}: it must be writable and empty`,
      })
    }
  }
  const program = {
    name: node.name,
    // A broker that stays earns back what the slower compiler costs it: a third less CPU at a thousand events a second.
    options: [
      `-Xms${node.heapMb / 2}m`,
      `-Xmx${node.heapMb}m`,
      ...(node.controllers.length === 1 ? ['-XX:TieredStopAtLevel=4'] : []),
    ],
    program: run('kafka.Kafka', settings),
    environment,
    cache,
  }
  return startJava(java, program, children, async () =>
    (await kafkaBrokers(node.port)).some(broker => broker.id === node.id),
  )
}

export function properties(node: KafkaNode, data: string): string {
  const replicas = node.controllers.length
  const values: Readonly<Record<string, string>> = {
    NODE: `${node.id}`,
    PORT: `${node.port}`,
    CONTROLLER_PORT: `${node.controllerPort}`,
    QUORUM:
      replicas === 1
        ? `controller.quorum.bootstrap.servers=127.0.0.1:${node.controllerPort}`
        : `controller.quorum.voters=${node.controllers.join(',')}`,
    DATA: data,
    REPLICAS: `${replicas}`,
    MIN_IN_SYNC: `${Math.min(2, replicas)}`,
  }
  const template = readFileSync(path.join(infra, 'kafka', 'server.properties.tmpl'), 'utf8')
  return template.replace(/^[^#].*$/gm, line =>
    line.replaceAll(/@(\w+)@/g, (_, name: string) => {
      const value = values[name]
      if (value === undefined)
        throw new Error(`server.properties.tmpl asks for @${name}@, which kafka.ts does not fill`)
      return value
    }),
  )
}
