// next-best-offers in, pushes out, deliveries back. Devices register at PUT /customers/:customer/subscriptions/:handle.
import { serve } from '@offerstream/streaming'
import { guards, redis, settings, vapid } from './config.ts'
import { runDispatcher } from './dispatcher.ts'
import { webPushProvider } from './providers/web-push.ts'
import { redisSubscriptions } from './subscriptions.ts'
import { addSubscriptionRoutes } from './subscriptions-api.ts'

const subscriptions = redisSubscriptions({ ...redis, notice: line => console.error(line) })
const providers = [webPushProvider({ vapid })]
await serve(
  'push-dispatcher',
  settings,
  surroundings => runDispatcher({ ...surroundings, guards, providers, subscriptions }),
  server => addSubscriptionRoutes(server, subscriptions),
)
