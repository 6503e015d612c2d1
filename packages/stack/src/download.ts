// What the local stack brings with it is fetched once, kept in one folder an artifact, and counts only with its .ok file.
import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { takeLock } from './lock.ts'
import { type Children, logTail } from './process.ts'
import { StackUnavailable } from './unavailable.ts'

export type Progress = (line: string) => void

export type Artifact = {
  readonly name: string // names the folder: kafka-4.3.1
  readonly about: string // shown while it comes: "Apache Kafka 4.3.1, 44 MB"
  fill(folder: string, run: Run): Promise<void>
}

/** Runs a program to its end; rejects with the end of its output when it fails. */
type Run = (...command: readonly [string, ...string[]]) => Promise<void>

export type Downloads = {
  readonly folder: string
  readonly progress: Progress
  readonly environment: NodeJS.ProcessEnv
}

export function isDownloaded(folder: string, artifact: Artifact): boolean {
  return existsSync(path.join(folder, artifact.name, '.ok'))
}

/** The artifact's folder, filled. Two that ask at once, in one process or in two, share one download. */
export async function download(artifact: Artifact, children: Children, downloads: Downloads): Promise<string> {
  const folder = path.join(downloads.folder, artifact.name)
  if (isDownloaded(downloads.folder, artifact)) return folder
  const lock = await waitForLock(folder, artifact, children, downloads.progress)
  try {
    if (isDownloaded(downloads.folder, artifact)) return folder
    await rm(folder, { recursive: true, force: true }) // an interrupted one
    await mkdir(folder, { recursive: true })
    const began = performance.now()
    const seconds = () => `${((performance.now() - began) / 1000).toFixed(1)} s`
    downloads.progress(`downloading ${artifact.about}`)
    const timer = setInterval(() => downloads.progress(`still downloading ${artifact.about}: ${seconds()}`), 5_000)
    try {
      await artifact.fill(folder, runner(artifact, children, downloads.environment))
      await writeFile(path.join(folder, '.ok'), '')
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      throw new StackUnavailable({
        tried: `download ${artifact.about}`,
        missing: (error as Error).message,
        fix: 'check the network and start again (nothing half-downloaded is kept), or use --stack embedded, which downloads nothing',
      })
    } finally {
      clearInterval(timer)
    }
    downloads.progress(`downloaded ${artifact.about} in ${seconds()}`)
    return folder
  } finally {
    await lock.release()
  }
}

/** Refuses a file that is not the very one known to work. */
export async function checkSha256(file: string, wanted: string): Promise<void> {
  const hash = createHash('sha256')
  for await (const bytes of createReadStream(file)) hash.update(bytes as Buffer)
  const found = hash.digest('hex')
  if (found !== wanted) throw new Error(`${path.basename(file)} has sha256 ${found}, wanted ${wanted}`)
}

async function waitForLock(folder: string, artifact: Artifact, children: Children, progress: Progress) {
  for (let told = false; !children.closed(); told = true) {
    const lock = await takeLock(folder)
    if ('release' in lock) return lock
    if (!told && lock.holder !== `process ${process.pid}`)
      progress(`waiting for ${lock.holder}, which is downloading ${artifact.about}`)
    await sleep(100)
  }
  throw new Error(`${artifact.about} was not awaited: its stack is stopping`)
}

function runner(artifact: Artifact, children: Children, environment: NodeJS.ProcessEnv): Run {
  return async (...command) => {
    const child = await children.start({ name: `download-${artifact.name}`, command, environment })
    const how = await child.ended
    if (how !== 'ended with code 0') throw new Error(`${command[0]} ${how}; ${logTail(child)}`)
  }
}
