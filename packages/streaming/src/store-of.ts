import type { Store } from './ports.ts'
import { redisStore } from './redis-store.ts'
import type { Settings } from './settings.ts'

/** The store that the settings name. */
export function storeOf(settings: Settings): Store {
  const urls = settings.list('OFFERSTREAM_REDIS_URL')
  const off = settings.list('OFFERSTREAM_GUARDS_OFF')
  return redisStore({
    url: urls.length === 1 ? urls[0]! : urls,
    prefix: `${settings.text('OFFERSTREAM_PREFIX')}os`,
    replicas: settings.number('OFFERSTREAM_REDIS_REPLICAS'),
    guards: { compare: !off.includes('compare'), epoch: !off.includes('epoch') },
  })
}
