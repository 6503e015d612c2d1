// All services in this process, from the same start functions that run them alone.

import { startFeatureUpdater } from '@offerstream/feature-updater'
import { startIntake } from '@offerstream/intake'
import type { Mapping } from '@offerstream/mapping'
import { startOfferScorer } from '@offerstream/offer-scorer'
import {
  createVapidKeys,
  type Dispatcher,
  type Links,
  memorySubscriptions,
  redisSubscriptions,
  runDispatcher,
  type Subscriptions,
  type VapidKeys,
  webPushProvider,
} from '@offerstream/push-dispatcher'
import type { Stack } from '@offerstream/stack'
import { createMetrics, type Running, type Surroundings } from '@offerstream/streaming'

export const serviceNames = ['intake', 'feature-updater', 'offer-scorer', 'push-dispatcher'] as const
export type ServiceName = (typeof serviceNames)[number]

/** Who is behind a line that says nothing else. */
export const operator = 'mailto:operator@example.invalid'

export type Line = {
  readonly subscriptions: Subscriptions
  readonly dispatcher: Dispatcher | null
  /** Rejects with what went wrong when a service ends unasked. */
  readonly done: Promise<void>
  /** True when every service has read all there is. */
  idle(): Promise<boolean>
  /** Resolves when everything written by now has gone through. */
  settled(): Promise<void>
  /** Resolves when nothing moves any more; false when that takes longer than the limit. */
  drained(limitMs: number): Promise<boolean>
  stop(): Promise<void>
}

export type LineOptions = {
  readonly models: string
  readonly services?: readonly ServiceName[]
  readonly stack: Stack
  readonly mapping?: Mapping
  /** For messages that can be answered with a click; none where there are none. */
  readonly links?: Links | null
  /** Who pushes; keys of its own by default. */
  readonly vapid?: VapidKeys
}

export async function startLine(
  surroundings: Surroundings,
  { models, services = serviceNames, stack, mapping, links = null, vapid = createVapidKeys(operator) }: LineOptions,
): Promise<Line> {
  const { prefix } = surroundings
  const subscriptions =
    stack.addresses === null
      ? memorySubscriptions()
      : redisSubscriptions({ url: stack.addresses.redis, prefix: `${prefix}os:push:` })
  const providers = [webPushProvider({ vapid })]
  const around = (service: ServiceName): Surroundings => ({ ...surroundings, metrics: createMetrics(service) })
  const start: { readonly [Name in ServiceName]: () => Promise<Running> } = {
    intake: () =>
      startIntake(around('intake'), {
        futureLimitMs: 300_000,
        tickLagRecords: 10_000,
        ...(mapping ? { mapping } : {}),
      }),
    'feature-updater': () => startFeatureUpdater(around('feature-updater')),
    'offer-scorer': () => startOfferScorer(around('offer-scorer'), { models }),
    'push-dispatcher': async () => {
      const { guards: _foldGuards, ...rest } = around('push-dispatcher')
      const linked = links === null ? {} : { links }
      dispatcher = await runDispatcher({ ...rest, ...linked, localDevices: true, providers, subscriptions })
      return dispatcher
    },
  }
  let dispatcher: Dispatcher | null = null
  const running: Running[] = []
  for (const name of services) running.push(await start[name]())

  // In the order of the flow: an end is read only after everything before it was found read, so one pass is enough.
  const idle = async (): Promise<boolean> => {
    for (const each of running) if (!(await each.health()).lanes.every(({ next, end }) => next >= end)) return false
    return true
  }
  return {
    subscriptions,
    dispatcher,
    done: Promise.race(running.map(each => each.done)),
    idle,
    async settled() {
      while (!(await idle())) await new Promise(resolve => setTimeout(resolve, 5))
    },
    async drained(limitMs) {
      const until = performance.now() + limitMs
      let quiet = 0
      while (performance.now() < until) {
        // Deliveries and answers come round again: quiet once is not enough.
        quiet = (await idle()) ? quiet + 1 : 0
        // What the dispatcher hears from the journal now and then is heard now: of what it changes come deliveries.
        if (quiet === 3 && (await dispatcher?.hear())) quiet = 0
        if (quiet >= 4) return true
        await new Promise(resolve => setTimeout(resolve, 150))
      }
      return false
    },
    async stop() {
      for (const each of running) await each.stop()
      await subscriptions.close()
    },
  }
}
