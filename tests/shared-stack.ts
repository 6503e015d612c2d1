import type { Stack } from '@offerstream/stack'
import { inject } from 'vitest'
import type {} from './start-stack.ts'

/** The stack that all files of a run share; each has topics, groups and states behind a prefix of its own. */
export function sharedStack(): Stack {
  return {
    kind: 'local',
    why: 'all files share it',
    versions: {},
    addresses: inject('addresses'),
    crashed: new Promise(() => {}),
    stop: async () => {},
  }
}
