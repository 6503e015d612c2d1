import { settingsOrExit } from '@offerstream/streaming'

/** The settings of this service, the only place that reads the environment. */
export const settings = settingsOrExit(process.env)
