// feature-updates in, decisions and next-best-offers out.
import { serve } from '@offerstream/streaming'
import { offersApi } from './api.ts'
import { options, settings } from './config.ts'
import { startOfferScorer } from './service.ts'

await serve(
  'offer-scorer',
  settings,
  surroundings => startOfferScorer(surroundings, options),
  (server, source) => offersApi(server, source, options),
)
