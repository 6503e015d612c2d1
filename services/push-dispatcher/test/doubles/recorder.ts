// A provider in this process that remembers what it was asked, and answers as told.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer, Provider } from '../../src/providers/provider.ts'
import { profile, type World } from '../given.ts'

export type Asked = {
  readonly offer: string
  /** Handle of the device. */
  readonly device: string
  /** By the world's clock. */
  readonly at: number
  /** By the monotonic clock. */
  readonly wallAt: number
  readonly ttlSeconds: number
  readonly answer: Answer['kind']
}

export type Recorder = Provider<'web-push'> & {
  readonly asked: readonly Asked[]
  /** What a device has, or may have. */
  readonly taken: readonly Asked[]
  /** Milliseconds until it answers. */
  ms: number
  answer(offer: string): Answer
}

export function createRecorder(clock: { now(): number }): Recorder {
  const asked: Asked[] = []
  const recorder: Recorder = {
    name: 'recorder',
    takes: 'web-push',
    ms: 0,
    asked,
    get taken() {
      return asked.filter(({ answer }) => answer === 'accepted' || answer === 'unknown')
    },
    origin: ({ endpoint }) => new URL(endpoint).origin,
    answer: () => ({ kind: 'accepted' }),
    async send({ handle, message, ttlSeconds }) {
      const answer = recorder.answer(message.offer)
      const [at, wallAt] = [clock.now(), performance.now()]
      asked.push({ offer: message.offer, device: handle, at, wallAt, ttlSeconds, answer: answer.kind })
      if (recorder.ms > 0) await sleep(recorder.ms)
      return answer
    },
  }
  return recorder
}

/** Customers with a device at an address that only a recorder is asked for. */
export async function recorded(world: World, ...customers: readonly string[]): Promise<void> {
  const address = { kind: 'web-push', endpoint: 'http://127.0.0.1:9/push', keys: { p256dh: '', auth: '' } } as const
  for (const customer of customers) {
    const at = world.clock.now()
    await world.subscriptions.register(customer, `${customer}-phone`, { address, at, expiresAt: null })
    await world.append('customers', customer, profile(customer))
  }
}
