// What a file of guarantee tests runs on: the real Kafka, Redis and registry that all files share, one push service with
// its own log. Each scenario has topics, groups and states of its own behind a prefix.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createVapidKeys, type VapidKeys } from '@offerstream/push-dispatcher'
import {
  type Addresses,
  type Children,
  createChildren,
  freePorts,
  type PushServiceClient,
  pushServiceClient,
} from '@offerstream/stack'
import { sharedStack } from '../shared-stack.ts'

export type World = {
  readonly addresses: Addresses
  readonly children: Children
  /** For models and whatever else a scenario writes. */
  readonly folder: string
  /** Node's compile cache for the services. */
  readonly compiled: string
  readonly push: PushServiceClient
  readonly pushLog: string
  readonly vapid: VapidKeys
  close(): Promise<void>
}

/** Every service of the line, in the order of the flow; the first stops first. */
export const services = ['intake', 'feature-updater', 'offer-scorer', 'push-dispatcher'] as const
export type Service = (typeof services)[number]

const root = join(import.meta.dirname, '../..')
export const mainOf = (service: Service): string => join(root, 'services', service, 'src/main.ts')

export async function startWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'offerstream-guarantee-'))
  const compiled = join(folder, 'compiled')
  await Promise.all(services.map(service => compile(service, compiled)))
  const children = await createChildren(folder)
  const close = async (): Promise<void> => {
    await children.close()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const [port] = await freePorts(1)
    const pushLog = join(folder, 'pushes.jsonl')
    await children.start({
      name: 'push-service',
      command: [process.execPath, join(root, 'packages/stack/src/push-service-main.ts'), `${port}`, pushLog],
      environment: {},
    })
    const push = pushServiceClient(`http://127.0.0.1:${port}`)
    await until('the push service answers', () =>
      push.events().then(
        () => true,
        () => false,
      ),
    )
    const vapid = createVapidKeys('mailto:guarantee@example.invalid')
    return { addresses: sharedStack().addresses!, children, folder, compiled, push, pushLog, vapid, close }
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * Fills Node's compile cache, which halves the time of the many starts to come; a killed process leaves nothing there.
 * A setting that does not exist ends the service once its modules are compiled.
 */
async function compile(service: Service, cache: string): Promise<void> {
  const environment = { OFFERSTREAM_NO_SUCH_SETTING: '', NODE_COMPILE_CACHE: cache }
  const child = spawn(process.execPath, [mainOf(service)], { env: environment, stdio: 'ignore' })
  await once(child, 'exit')
}

/** Looks until it holds. Throws what was waited for, and what `state` then says. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 60_000,
  state: () => string | Promise<string> = () => '',
): Promise<void> {
  const began = performance.now()
  while (!(await holds())) {
    if (performance.now() - began > limitMs)
      throw new Error(`waited ${Math.round(limitMs / 1000)} s in vain until ${what}. ${await state()}`)
    await pause(50)
  }
}

export const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
