// The thread of the features API.
import { states } from '@offerstream/features'
import { serveApi } from '@offerstream/streaming'
import { featuresApi } from './api.ts'
import { settings } from './config.ts'
import { updaterName } from './fold.ts'

await serveApi(settings, (server, { store, partitions }) =>
  featuresApi(server, { store, updater: { name: updaterName, states }, partitions }),
)
