import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { javaRuntime, kafkaJars, registryApp, versions } from './artifacts.ts'
import { type Downloads, download } from './download.ts'
import { takeInstance } from './instance.ts'
import { javaVersion, startCache } from './java.ts'
import { startKafka } from './kafka.ts'
import { freePorts } from './ports.ts'
import { downloadsFolder, missingForLocal } from './prerequisites.ts'
import { type Child, type Children, createChildren, logTail } from './process.ts'
import { redisProgram, redisUrl, redisVersion, startRedisServer } from './redis.ts'
import { registryUrl, registryVersion, startRegistry } from './registry.ts'
import type { StackSettings } from './settings.ts'
import type { Stack } from './stack.ts'
import { StackUnavailable } from './unavailable.ts'

type Service = {
  readonly child: Child
  readonly address: string
  readonly version: string
  readonly trains: boolean
  stop(): Promise<void>
}

/** Data of the three go together: old records carry the registry's ids, and states know positions in the topics. */
const data = ['kafka', 'registry', 'redis', 'redis.program']

/** A real Kafka, Redis and schema registry on this machine, downloaded at the first start. */
export async function startLocal(why: string, settings: StackSettings): Promise<Stack> {
  const { directory, environment, progress } = settings
  refuseWhatIsMissing(settings)
  const { folder, lock } = await takeInstance(settings)
  const children = await createChildren(folder)
  const downloads: Downloads = { folder: downloadsFolder(directory), progress, environment }
  const began = performance.now()
  const starting = () =>
    [
      service('redis', () => redis(children, downloads)),
      service('kafka', () => kafka(children, downloads)),
      service('registry', () => registry(children, downloads)),
    ] as const
  const service = async (name: string, start: () => Promise<Service>) => {
    const started = await start()
    progress(
      `${name}: ${started.version} at ${started.address} after ${((performance.now() - began) / 1000).toFixed(1)} s`,
    )
    return started
  }

  let tasks: ReturnType<typeof starting> | undefined
  try {
    if (settings.fresh)
      await Promise.all(data.map(name => rm(path.join(folder, name), { recursive: true, force: true })))
    tasks = starting()
    const [redisRuns, kafkaRuns, registryRuns] = await Promise.all(tasks)
    const services = [registryRuns, kafkaRuns, redisRuns]
    let stopping: Promise<void> | undefined
    const stop = async () => {
      if (services.some(({ trains }) => trains))
        progress('keeping what was learnt about starting, so that the next start is quicker')
      await Promise.all(services.map(({ stop }) => stop()))
      await children.close()
      await lock.release()
    }
    return {
      kind: 'local',
      why,
      versions: {
        kafka: kafkaRuns.version,
        redis: redisRuns.version,
        registry: registryRuns.version,
        java: javaVersion(path.join(downloads.folder, javaRuntime.name)),
        node: process.version,
      },
      addresses: { brokers: [kafkaRuns.address], redis: redisRuns.address, registry: registryRuns.address },
      crashed: Promise.race(
        services.map(async ({ child }) => {
          const how = await child.ended
          return stopping === undefined ? `${child.name} ${how}; ${logTail(child)}` : new Promise<never>(() => {})
        }),
      ),
      stop() {
        stopping ??= stop()
        return stopping
      },
    }
  } catch (error) {
    await children.close()
    await Promise.allSettled(tasks ?? [])
    await lock.release()
    throw error
  }
}

async function redis(children: Children, downloads: Downloads): Promise<Service> {
  const program = await programOf(path.join(children.directory, 'redis.program'), children, downloads)
  const [port] = await portsOf('redis', 1, children)
  const child = await startRedisServer(program, { name: 'redis', port: port!, persist: true, settings: {} }, children)
  const address = redisUrl(port!)
  return { child, address, version: await redisVersion(address), trains: false, stop: () => child.stop() }
}

/** The server that wrote the data goes on with it: another one, installed meanwhile, might not be able to read it. */
async function programOf(remembered: string, children: Children, downloads: Downloads): Promise<string> {
  const before = existsSync(remembered) ? readFileSync(remembered, 'utf8').trim() : ''
  if (existsSync(before)) return before
  const program = await redisProgram(children, downloads)
  writeFileSync(remembered, `${program}\n`)
  return program
}

async function kafka(children: Children, downloads: Downloads): Promise<Service> {
  const [java, jars] = await Promise.all([
    download(javaRuntime, children, downloads),
    download(kafkaJars, children, downloads),
  ])
  const [port, controllerPort] = await portsOf('kafka', 2, children)
  // One cache a run, the registry's first, which starts last: making one takes a few seconds of the stop.
  const mayTrain = existsSync(startCache(java, path.join(downloads.folder, registryApp.name)))
  const node = { name: 'kafka', id: 1, port: port!, controllerPort: controllerPort!, heapMb: 512, mayTrain }
  const controllers = [`1@127.0.0.1:${controllerPort}`]
  const started = await startKafka({ ...node, controllers }, { java, jars }, children, downloads.environment)
  return { ...started, address: `127.0.0.1:${port}`, version: versions.kafka }
}

async function registry(children: Children, downloads: Downloads): Promise<Service> {
  const [java, app] = await Promise.all([
    download(javaRuntime, children, downloads),
    download(registryApp, children, downloads),
  ])
  const [port, managementPort] = await portsOf('registry', 2, children)
  const started = await startRegistry(
    { port: port!, managementPort: managementPort! },
    { java, app },
    children,
    downloads.environment,
  )
  const address = registryUrl(port!)
  return { ...started, address, version: await registryVersion(address) }
}

function portsOf(name: string, count: number, children: Children): Promise<readonly number[]> {
  return freePorts(count, path.join(children.directory, `${name}.ports`))
}

export function refuseWhatIsMissing(settings: StackSettings): void {
  const missing = missingForLocal(settings)
  if (missing.length === 0) return
  throw new StackUnavailable({
    tried: 'start the local stack',
    missing: missing.map(({ what }) => what).join('; '),
    fix: `${missing.map(({ fix }) => fix).join('; ')}; --stack embedded needs none of it`,
  })
}
