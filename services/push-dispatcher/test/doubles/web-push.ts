// A device at the stack's own push service, as the other doubles are asked: what it took is what the device decrypted.
import { startPushService } from '@offerstream/stack'
import { createVapidKeys, webPushProvider } from '../../src/index.ts'
import type { Double } from './double.ts'

export async function webPushDevice(): Promise<Double<'web-push'>> {
  const push = await startPushService()
  const { endpoint, keys } = await push.subscribe('phone')
  const vapid = createVapidKeys('mailto:push@example.org')
  return {
    address: { kind: 'web-push', endpoint, keys },
    provider: options => webPushProvider({ vapid, ...options }),
    script(answer) {
      if (answer === 'silence') push.script({ answer: 'stall', ms: 60_000 })
      else if (answer === 'reset-after-accept') push.script({ answer })
      else {
        const retryAfter = answer.headers?.['retry-after']
        push.script({ answer: answer.status, ...(retryAfter === undefined ? {} : { retryAfter }) })
      }
    },
    get taken() {
      return push.received.map(({ payload, topic }) => ({ text: (payload as { text: string }).text, id: `${topic}` }))
    },
    gone: { status: 410 },
    close: () => push.stop(),
  }
}
