// One real Kafka, Redis and registry for all files of a run, started once. A file that kills them starts its own.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Addresses, startStack } from '@offerstream/stack'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    addresses: Addresses
  }
}

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const instance = `tests-${process.pid}`
  const stack = await startStack('local', { instance, fresh: true })
  provide('addresses', stack.addresses!)
  return async () => {
    await stack.stop()
    rmSync(join(import.meta.dirname, '..', '.local', 'stacks', instance), { recursive: true, force: true })
  }
}
