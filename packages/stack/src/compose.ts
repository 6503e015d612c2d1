import { spawn } from 'node:child_process'
import path from 'node:path'
import { versions } from './artifacts.ts'
import { takeInstance } from './instance.ts'
import { onPath } from './on-path.ts'
import { freePorts } from './ports.ts'
import { redisUrl, redisVersion } from './redis.ts'
import { registryUrl, registryVersion, requireBackward } from './registry.ts'
import type { StackSettings } from './settings.ts'
import type { Stack } from './stack.ts'
import { StackUnavailable } from './unavailable.ts'
import { infra } from './workspace.ts'

type Docker = (...rest: readonly string[]) => Promise<string>

/** The services of infra/compose in containers. Stopping keeps them, with their data; `fresh` removes them first. */
export async function startCompose(why: string, settings: StackSettings): Promise<Stack> {
  const { instance, environment, progress } = settings
  await requireEngine(environment)
  const { folder, lock } = await takeInstance(settings)
  try {
    const [kafka, redis, registry] = await freePorts(3, path.join(folder, 'compose.ports'))
    const variables = {
      OFFERSTREAM_KAFKA_PORT: `${kafka}`,
      OFFERSTREAM_REDIS_PORT: `${redis}`,
      OFFERSTREAM_REGISTRY_PORT: `${registry}`,
    }
    const file = path.join(infra, 'compose', 'compose.yaml')
    const compose: Docker = (...rest) =>
      docker({ ...environment, ...variables }, 'compose', '-p', `offerstream-${instance}`, '-f', file, ...rest)
    if (settings.fresh) await compose('down', '--volumes')
    progress('docker compose up: pulling the images takes a while the first time')
    try {
      await compose('up', '-d', '--wait')
    } catch (error) {
      throw new StackUnavailable({
        tried: 'start the compose stack',
        missing: (error as Error).message,
        fix: `read docker compose -p offerstream-${instance} -f infra/compose/compose.yaml logs`,
      })
    }
    const addresses = { brokers: [`127.0.0.1:${kafka}`], redis: redisUrl(redis!), registry: registryUrl(registry!) }
    await requireBackward(addresses.registry)
    let stopping: Promise<void> | undefined
    return {
      kind: 'compose',
      why,
      versions: {
        kafka: versions.kafka,
        redis: await redisVersion(addresses.redis),
        registry: await registryVersion(addresses.registry),
        node: process.version,
      },
      addresses,
      crashed: new Promise(() => {}),
      stop() {
        stopping ??= compose('stop').then(() => lock.release())
        return stopping
      },
    }
  } catch (error) {
    await lock.release()
    throw error
  }
}

async function requireEngine(environment: NodeJS.ProcessEnv): Promise<void> {
  const refuse = (missing: string, fix: string) =>
    new StackUnavailable({ tried: 'start the compose stack', missing, fix })
  if (onPath('docker', environment) === undefined) {
    throw refuse('docker is not on PATH', 'install Docker with its compose plugin, or use --stack local or embedded')
  }
  await docker(environment, 'version', '--format', '{{.Server.Version}}').catch((error: Error) => {
    throw refuse(`no docker engine answers (${error.message})`, 'start Docker, or use --stack local or embedded')
  })
  await docker(environment, 'compose', 'version').catch((error: Error) => {
    throw refuse(`docker has no compose (${error.message})`, 'install the docker compose plugin, or use --stack local')
  })
}

/** What it printed; rejects with the end of what it complained about. */
function docker(environment: NodeJS.ProcessEnv, ...rest: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const program = onPath('docker', environment) ?? 'docker'
    const started = spawn(program, rest, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    let complaints = ''
    started.stdout.setEncoding('utf8').on('data', text => {
      out += text
    })
    started.stderr.setEncoding('utf8').on('data', text => {
      complaints += text
    })
    started.once('error', reject)
    started.once('close', code => {
      if (code === 0) resolve(out)
      else reject(new Error(complaints.trim().split('\n').slice(-8).join('\n') || `docker ended with code ${code}`))
    })
  })
}
