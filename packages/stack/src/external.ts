import { accepts } from './probe.ts'
import { redisVersion } from './redis.ts'
import { registryVersion } from './registry.ts'
import type { StackSettings } from './settings.ts'
import type { Addresses, Stack } from './stack.ts'
import { StackUnavailable } from './unavailable.ts'

export const externalNames = ['OFFERSTREAM_KAFKA_BROKERS', 'OFFERSTREAM_REDIS_URL', 'OFFERSTREAM_REGISTRY_URL'] as const

export function namedExternals(environment: NodeJS.ProcessEnv): readonly string[] {
  return externalNames.filter(name => (environment[name] ?? '').trim() !== '')
}

/** Services that somebody else runs: nothing is started or stopped, each must answer. All that is wrong is told at once. */
export async function startExternal(why: string, { environment, progress }: StackSettings): Promise<Stack> {
  const addresses = readAddresses(environment)
  const [brokers, redis, registry] = await Promise.all([
    Promise.all(addresses.brokers.map(async broker => ({ broker, up: await brokerAccepts(broker) }))),
    redisVersion(addresses.redis).catch((error: Error) => error),
    registryAnswers(addresses.registry),
  ])
  const down = brokers.filter(({ up }) => !up).map(({ broker }) => broker)
  const wrong: string[] = []
  if (down.length === brokers.length) wrong.push(`Kafka does not answer at ${down.join(', ')}`)
  else if (down.length > 0) progress(`Kafka does not answer at ${down.join(', ')}; the other brokers do`)
  if (redis instanceof Error)
    wrong.push(`Redis does not answer at ${withoutPassword(addresses.redis)} (${redis.message})`)
  if (registry !== undefined) wrong.push(`the schema registry does not answer at ${addresses.registry} (${registry})`)
  if (redis instanceof Error || wrong.length > 0) {
    throw new StackUnavailable({
      tried: 'use the external stack',
      missing: wrong.join('; '),
      fix: `start them or correct ${externalNames.join(', ')}; unset all three for a stack of this machine's own`,
    })
  }
  return {
    kind: 'external',
    why,
    versions: { kafka: 'unknown', redis, registry: await registryVersion(addresses.registry), node: process.version },
    addresses,
    crashed: new Promise(() => {}),
    stop: async () => {},
  }
}

function readAddresses(environment: NodeJS.ProcessEnv): Addresses {
  const [brokers, redis, registry] = externalNames.map(name => (environment[name] ?? '').trim()) as [
    string,
    string,
    string,
  ]
  const list = brokers
    .split(',')
    .map(broker => broker.trim())
    .filter(broker => broker !== '')
  const wrong: string[] = []
  if (list.length === 0) wrong.push('OFFERSTREAM_KAFKA_BROKERS is not set')
  for (const broker of list) {
    if (splitBroker(broker) === undefined)
      wrong.push(`OFFERSTREAM_KAFKA_BROKERS holds ${broker}, which is not host:port`)
  }
  if (redis === '') wrong.push('OFFERSTREAM_REDIS_URL is not set')
  else if (!/^rediss?:$/.test(protocol(redis)))
    wrong.push('OFFERSTREAM_REDIS_URL is not a redis:// or rediss:// address')
  if (registry === '') wrong.push('OFFERSTREAM_REGISTRY_URL is not set')
  else if (!/^https?:$/.test(protocol(registry)))
    wrong.push(`OFFERSTREAM_REGISTRY_URL is ${registry}, which is not an http:// or https:// address`)
  if (wrong.length > 0) {
    throw new StackUnavailable({
      tried: 'use the external stack',
      missing: wrong.join('; '),
      fix: 'set all three, for example OFFERSTREAM_KAFKA_BROKERS=kafka:9092 OFFERSTREAM_REDIS_URL=redis://redis:6379 OFFERSTREAM_REGISTRY_URL=http://registry:8081',
    })
  }
  return { brokers: list, redis, registry: registry.replace(/\/+$/, '') }
}

function splitBroker(broker: string): { readonly host: string; readonly port: number } | undefined {
  const [, host, port] = /^\[?([^\]]+)\]?:(\d+)$/.exec(broker) ?? []
  return host === undefined || port === undefined || Number(port) > 65_535 ? undefined : { host, port: Number(port) }
}

async function brokerAccepts(broker: string): Promise<boolean> {
  const address = splitBroker(broker)
  return address !== undefined && accepts(address.host, address.port)
}

/** Undefined when it does; a registry that asks for a password does as well. */
async function registryAnswers(url: string): Promise<string | undefined> {
  try {
    const { status } = await fetch(`${url}/subjects`, { signal: AbortSignal.timeout(5_000) })
    return status < 400 || status === 401 || status === 403 ? undefined : `it says ${status} to GET /subjects`
  } catch (error) {
    const { message, cause } = error as Error
    return cause instanceof Error ? cause.message : message
  }
}

function protocol(url: string): string {
  return URL.canParse(url) ? new URL(url).protocol : ''
}

function withoutPassword(url: string): string {
  const shown = new URL(url)
  if (shown.password !== '') shown.password = '***'
  return shown.href
}
