// customer-events in, feature-updates out.
import { states } from '@offerstream/features'
import { serve } from '@offerstream/streaming'
import { featuresApi } from './api.ts'
import { settings } from './config.ts'
import { updaterName } from './fold.ts'
import { startFeatureUpdater } from './service.ts'

await serve('feature-updater', settings, startFeatureUpdater, (server, { store, partitions }) =>
  featuresApi(server, { store, updater: { name: updaterName, states }, partitions }),
)
