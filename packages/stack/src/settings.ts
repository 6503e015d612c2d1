import type { Progress } from './download.ts'
import { defaultDirectory } from './workspace.ts'

export type StackOptions = {
  readonly directory?: string // downloads and data; .local in the workspace by default
  readonly instance?: string // stacks with different names run side by side on the same downloads; 'default'
  readonly fresh?: boolean // throw away this instance's topics, schemas and states first, all together
  readonly progress?: Progress
  readonly environment?: NodeJS.ProcessEnv
}

export type StackSettings = Required<StackOptions>

export function withDefaults(options: StackOptions): StackSettings {
  return {
    directory: options.directory ?? defaultDirectory,
    instance: options.instance ?? 'default',
    fresh: options.fresh ?? false,
    progress: options.progress ?? (() => {}),
    environment: options.environment ?? process.env,
  }
}
