// purchases, usage, engagements, customers, deliveries and campaigns in, customer-events out.
import { serve } from '@offerstream/streaming'
import { options, settings } from './config.ts'
import { startIntake } from './service.ts'

await serve('intake', settings, surroundings => startIntake(surroundings, options))
