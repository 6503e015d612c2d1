import { settingsOrExit } from '@offerstream/streaming'
import type { ScorerOptions } from './service.ts'

/** The settings of this service, the only place that reads the environment. */
export const settings = settingsOrExit(process.env)

export const options: ScorerOptions = { models: settings.text('OFFERSTREAM_MODELS') }
