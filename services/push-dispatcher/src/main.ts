// next-best-offers in, pushes out, deliveries back. Devices register at PUT /customers/:customer/subscriptions/:handle.
import { serve } from '@offerstream/streaming'
import { guards, limits, providers, redis, settings } from './config.ts'
import { runDispatcher } from './dispatcher.ts'
import { redisSubscriptions } from './subscriptions.ts'
import { addSubscriptionRoutes } from './subscriptions-api.ts'

const subscriptions = redisSubscriptions({ ...redis, notice: line => console.error(line) })
await serve(
  'push-dispatcher',
  settings,
  surroundings => runDispatcher({ ...surroundings, ...limits, guards, providers: providers(), subscriptions }),
  server => addSubscriptionRoutes(server, subscriptions),
)
