// next-best-offers in, pushes out, deliveries back. Devices register at PUT /subscriptions/:handle.
import { serve } from '@offerstream/streaming'
import { guards, redis, settings, vapid } from './config.ts'
import { runDispatcher } from './dispatcher.ts'
import { webPushProvider } from './providers/web-push.ts'
import { redisSubscriptions } from './subscriptions.ts'
import { addSubscriptionRoutes } from './subscriptions-api.ts'

const subscriptions = redisSubscriptions(redis)
const provider = webPushProvider({ vapid })
await serve(
  'push-dispatcher',
  settings,
  surroundings => runDispatcher({ ...surroundings, guards, provider, subscriptions }),
  server => addSubscriptionRoutes(server, subscriptions),
)
