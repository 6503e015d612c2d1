// next-best-offers in, pushes out, deliveries back. Devices register at PUT /customers/:customer/subscriptions/:handle; what
// they and the customers answer comes back by /c, /d and /u.
import { serve } from '@offerstream/streaming'
import { guards, limits, links, providers, redis, settings } from './config.ts'
import { runDispatcher } from './dispatcher.ts'
import { addLinkRoutes } from './links-api.ts'
import { redisSubscriptions } from './subscriptions.ts'
import { addSubscriptionRoutes } from './subscriptions-api.ts'

const subscriptions = redisSubscriptions({ ...redis, notice: line => console.error(line) })
await serve(
  'push-dispatcher',
  settings,
  surroundings =>
    runDispatcher({
      ...surroundings,
      ...limits,
      guards,
      providers: providers(),
      subscriptions,
      ...(links === null ? {} : { links }),
    }),
  (server, surroundings) => {
    addSubscriptionRoutes(server, subscriptions)
    if (links !== null) addLinkRoutes(server, links, surroundings)
  },
)
