import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { type Lock, takeLock } from './lock.ts'
import { type Children, createChildren } from './process.ts'
import { StackUnavailable } from './unavailable.ts'

/** The folder of one named stack, held by this process alone until the lock is released. */
export async function takeInstance({
  directory,
  instance,
}: {
  readonly directory: string
  readonly instance: string
}): Promise<{ readonly folder: string; readonly lock: Lock }> {
  if (!/^[a-z0-9][a-z0-9-]{0,40}$/.test(instance)) {
    throw new StackUnavailable({
      tried: `start the stack instance '${instance}'`,
      missing: 'its name is not made of small letters, digits and hyphens',
      fix: 'choose such a name, 41 characters at most',
    })
  }
  const folder = path.join(directory, 'stacks', instance)
  await mkdir(folder, { recursive: true })
  const lock = await takeLock(folder)
  if ('release' in lock) return { folder, lock }
  throw new StackUnavailable({
    tried: `start the stack instance '${instance}'`,
    missing: `${lock.holder} already runs it`,
    fix: 'stop that one first, or give this one another instance name',
  })
}

export type Scratch = { readonly children: Children; close(): Promise<void> }

/** The folder of a test's own servers, empty at first, gone with them. */
export async function openScratch(place: { readonly directory: string; readonly instance: string }): Promise<Scratch> {
  const { folder, lock } = await takeInstance(place)
  await (await createChildren(folder)).close() // what a crash left is ended before its data goes
  await rm(folder, { recursive: true, force: true })
  const children = await createChildren(folder)
  return {
    children,
    async close() {
      await children.close()
      await rm(folder, { recursive: true, force: true })
      await lock.release()
    },
  }
}
