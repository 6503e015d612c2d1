import { choose } from './choose.ts'
import { startCompose } from './compose.ts'
import { startExternal } from './external.ts'
import { startLocal } from './local.ts'
import { type StackOptions, withDefaults } from './settings.ts'

export type StackKind = 'embedded' | 'local' | 'compose' | 'external'

export const stackKinds: readonly StackKind[] = ['embedded', 'local', 'compose', 'external']

export type Addresses = {
  readonly brokers: readonly string[] // host:port
  readonly redis: string // redis://127.0.0.1:6379
  readonly registry: string // http://127.0.0.1:8081/apis/ccompat/v7
}

export type Stack = {
  readonly kind: StackKind
  readonly why: string // why this one, one plain sentence
  readonly versions: Readonly<Record<string, string>> // kafka, redis, registry, java, node
  readonly addresses: Addresses | null // null for embedded, which has none
  readonly crashed: Promise<string> // what to say when one of its services ends unasked; pending while all is well
  stop(): Promise<void>
}

/**
 * Brings up Kafka, Redis and a schema registry, or finds them. Throws `StackUnavailable` with what was tried, what is
 * missing and the fix; then nothing it started is left. What it starts never outlives this process, however that ends.
 */
export async function startStack(asked: StackKind | 'auto', options: StackOptions = {}): Promise<Stack> {
  const settings = withDefaults(options)
  const { kind, why } = asked === 'auto' ? choose(settings) : { kind: asked, why: `${asked} was asked for` }
  settings.progress(`stack ${kind}: ${why}`)
  switch (kind) {
    case 'embedded':
      return embedded(why)
    case 'local':
      return startLocal(why, settings)
    case 'compose':
      return startCompose(why, settings)
    case 'external':
      return startExternal(why, settings)
  }
}

function embedded(why: string): Stack {
  const inProcess = 'in process'
  return {
    kind: 'embedded',
    why,
    versions: { kafka: inProcess, redis: inProcess, registry: inProcess, node: process.version },
    addresses: null,
    crashed: new Promise(() => {}),
    stop: async () => {},
  }
}
