// customer-events in, feature-updates out. The API has a thread of its own.
import { serve } from '@offerstream/streaming'
import { settings } from './config.ts'
import { startFeatureUpdater } from './service.ts'

await serve('feature-updater', settings, startFeatureUpdater, new URL('./api-main.ts', import.meta.url))
