// States with their watermark on disk: each partition of one moment, while the line goes on. A folder per fold and moment;
// what its manifest names is whole, so an interrupted snapshot goes on with the partitions that are missing.
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { updaterName } from '@offerstream/feature-updater'
import { layoutFingerprint } from '@offerstream/features'
import { scorerName } from '@offerstream/offer-scorer'
import { Abandoned, type Bounds, Refused, retrying, type StoreLane, type Surroundings } from '@offerstream/streaming'
import type { Output } from './output.ts'
import { damageOf, readSnapshotFile, writeSnapshotFile } from './snapshot-file.ts'

/** The folds that a snapshot holds, by the names of their services, with the topic that their watermarks belong to. */
export const snapshotFolds = {
  'feature-updater': { fold: updaterName, fingerprint: layoutFingerprint, topic: 'customer-events' },
  'offer-scorer': { fold: scorerName, fingerprint: '', topic: 'feature-updates' },
} as const
export type SnapshotFold = keyof typeof snapshotFolds

type PartitionManifest = {
  readonly file: string
  readonly bytes: number
  readonly sha256: string
  readonly watermark: number | null
  readonly customers: number
}

type Manifest = {
  readonly format: 1
  readonly fold: string
  /** Of the list of features whose states these are; empty where there is none. */
  readonly fingerprint: string
  readonly at: string
  readonly partitions: number
  readonly complete: boolean
  /** By partition; null for one not taken yet. */
  readonly taken: readonly (PartitionManifest | null)[]
}

export type SnapshotSummary = {
  readonly fold: string
  readonly dir: string
  readonly customers: number
  readonly bytes: number
  readonly seconds: number
  readonly complete: boolean
}

const manifestName = 'manifest.json'

/** Writes the states of a fold below `out`; goes on with an interrupted snapshot of it. Throws `Refused` where it has none. */
export async function takeSnapshot(
  { store, partitions }: Pick<Surroundings, 'store' | 'partitions'>,
  options: { readonly of: SnapshotFold; readonly out: string; readonly signal: AbortSignal },
  output: Output,
): Promise<SnapshotSummary> {
  const { fold, fingerprint } = snapshotFolds[options.of]
  const began = performance.now()
  const progress = await Promise.all(Array.from({ length: partitions }, (_, at) => store.peekProgress(fold, at)))
  if (progress.every(each => each === null)) {
    const incumbent = await store.incumbent(options.of, 0)
    throw new Refused(
      `the store holds no states of ${fold}${incumbent === null ? '' : `; ${options.of} is served by ${incumbent.fold}: take the snapshot with the version that runs`}`,
    )
  }
  const interrupted = (await snapshotsOf(options.out, fold)).find(each => !each.manifest.complete)
  let manifest: Manifest = interrupted?.manifest ?? {
    format: 1,
    fold,
    fingerprint,
    at: new Date().toISOString(),
    partitions,
    complete: false,
    taken: Array.from({ length: partitions }, () => null),
  }
  if (manifest.partitions !== partitions)
    throw new Refused(
      `${interrupted!.dir} is an interrupted snapshot of ${manifest.partitions} partitions, the line has ${partitions}: take another folder`,
    )
  const dir = interrupted?.dir ?? join(options.out, fold, manifest.at.replaceAll(':', '-'))
  await mkdir(dir, { recursive: true })
  await writeManifest(dir, manifest)
  const bar = output.bar(`snapshot of ${fold}`, partitions)
  for (let partition = 0; partition < partitions && !options.signal.aborted; partition++) {
    if (manifest.taken[partition]) continue
    const file = `${partition}.states`
    const written = await retrying(
      () => writeSnapshotFile(join(dir, `${file}.part`), see => store.capture(fold, partition, see)),
      { signal: options.signal, onRetry: error => output.progress(error.message) },
    ).catch(error => {
      if (error instanceof Abandoned) return 'abandoned' as const
      throw error
    })
    if (written === 'abandoned') break
    const { bytes = 0, sha256 = '', captured = null } = written ?? {}
    await rename(join(dir, `${file}.part`), join(dir, file))
    const taken = { file, bytes, sha256, watermark: captured?.watermark ?? null, customers: captured?.states ?? 0 }
    manifest = { ...manifest, taken: manifest.taken.map((each, at) => (at === partition ? taken : each)) }
    manifest = { ...manifest, complete: manifest.taken.every(each => each !== null) }
    await writeManifest(dir, manifest)
    bar.update(partition + 1, `${sum(manifest, 'customers')} customers`)
  }
  bar.stop()
  return {
    fold,
    dir,
    customers: sum(manifest, 'customers'),
    bytes: sum(manifest, 'bytes'),
    seconds: Math.round((performance.now() - began) / 100) / 10,
    complete: manifest.complete,
  }
}

/** Fills an empty partition of a fold from a snapshot; false where the snapshot has nothing of it. */
export type Restore = (lane: StoreLane, partition: number) => Promise<boolean>

/**
 * The newest whole snapshot of a fold below `dir` whose watermarks lie in the log, ready to be restored. Throws `Refused`
 * where none fits, saying of each why, and naming a damaged file.
 */
export async function openSnapshot(
  dir: string,
  of: SnapshotFold,
  bounds: readonly Bounds[],
): Promise<{ readonly dir: string; readonly restore: Restore }> {
  const { fold, topic } = snapshotFolds[of]
  const reasons: string[] = []
  for (const { dir: each, manifest } of await snapshotsOf(dir)) {
    const unfit = reasonAgainst(manifest, fold, topic, bounds)
    if (unfit !== null) {
      reasons.push(`${each}: ${unfit}`)
      continue
    }
    const files = manifest.taken.map(taken => ({ ...taken!, path: join(each, taken!.file) }))
    const damages = (await Promise.all(files.filter(({ bytes }) => bytes > 0).map(damageOf))).filter(
      one => one !== null,
    )
    if (damages.length > 0)
      throw new Refused(
        `snapshot ${each} is damaged:\n${damages.join('\n')}\nMove it away to use an older one, or take another.`,
      )
    return { dir: each, restore: (lane, partition) => restore(lane, files[partition]!) }
  }
  throw new Refused(
    reasons.length === 0
      ? `${dir} holds no snapshot: \`offerstream snapshot --out ${dir}\` takes one`
      : `${dir} holds no snapshot that fits ${fold}:\n${reasons.join('\n')}`,
  )
}

/** States of a whole snapshot, a partition at a time. */
export type SnapshotStates = {
  readonly dir: string
  /** When it was taken. */
  readonly at: string
  /** Customers by partition. */
  readonly sizes: readonly number[]
  states(partition: number): Promise<ReadonlyMap<string, Buffer>>
}

/** The newest whole snapshot of a fold of this version below `dir`, to be read by itself; null where there is none. Throws `Refused` for a damaged one. */
export async function readSnapshot(dir: string, of: SnapshotFold): Promise<SnapshotStates | null> {
  const { fold } = snapshotFolds[of]
  const found = (await snapshotsOf(dir, fold)).find(({ manifest }) => manifest.complete)
  if (found === undefined) return null
  const { manifest } = found
  const taken = manifest.taken.map(each => each!)
  return {
    dir: found.dir,
    at: manifest.at,
    sizes: taken.map(({ customers }) => customers),
    async states(partition) {
      const { file, bytes, sha256 } = taken[partition]!
      const states = new Map<string, Buffer>()
      if (bytes === 0) return states
      const path = join(found.dir, file)
      const damage = await damageOf({ path, bytes, sha256 })
      if (damage !== null) throw new Refused(damage)
      await readSnapshotFile(path, async rows => {
        for (const [key, state] of rows) {
          if (state === null) states.delete(key)
          else states.set(key, state)
        }
      })
      return states
    },
  }
}

function reasonAgainst(manifest: Manifest, fold: string, topic: string, bounds: readonly Bounds[]): string | null {
  if (manifest.fold !== fold) return `it is of ${manifest.fold}`
  if (!manifest.complete) return 'it was interrupted; the command that began it goes on with it'
  if (manifest.partitions !== bounds.length)
    return `it has ${manifest.partitions} partitions, ${topic} has ${bounds.length}`
  for (const [partition, { first, next }] of bounds.entries()) {
    const watermark = manifest.taken[partition]!.watermark ?? -1
    if (watermark + 1 < first) return `${topic}/${partition} begins at ${first}, behind its watermark ${watermark}`
    if (watermark >= next) return `${topic}/${partition} ends at ${next}, before its watermark ${watermark}`
  }
  return null
}

async function restore(
  lane: StoreLane,
  { path, watermark }: { readonly path: string; readonly watermark: number | null },
): Promise<boolean> {
  if (watermark === null) return false
  const nothing = { from: null, to: null, states: [], causes: new Map(), counts: new Map(), due: [], outbox: null }
  const save = async (change: Parameters<StoreLane['save']>[0]): Promise<void> => {
    if ((await lane.save(change)) !== 'saved') throw new Refused(`${path}: another process restores it too`)
  }
  const end = await readSnapshotFile(path, rows =>
    save({
      ...nothing,
      states: rows.map(([key, state]) => [key, state]),
      due: rows.map(([key, , due]) => [key, due]),
    }),
  )
  const { causes, counts, outbox } = end
  await save({ ...nothing, to: end.watermark, causes, counts, outbox })
  return true
}

/** Snapshots below a folder, the newest first; all, or those of one fold. */
async function snapshotsOf(
  dir: string,
  fold?: string,
): Promise<{ readonly dir: string; readonly manifest: Manifest }[]> {
  const found: { dir: string; manifest: Manifest }[] = []
  const look = async (folder: string, depth: number): Promise<void> => {
    const text = await readFile(join(folder, manifestName), 'utf8').catch(() => null)
    if (text !== null) {
      const manifest = parseManifest(text, folder)
      if (fold === undefined || manifest.fold === fold) found.push({ dir: folder, manifest })
    } else if (depth < 2)
      for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => []))
        if (entry.isDirectory()) await look(join(folder, entry.name), depth + 1)
  }
  await look(dir, 0)
  return found.sort((a, b) => (a.manifest.at < b.manifest.at ? 1 : -1))
}

function parseManifest(text: string, folder: string): Manifest {
  try {
    const manifest = JSON.parse(text) as Manifest
    if (manifest.format !== 1 || !Array.isArray(manifest.taken)) throw new Error('it is of another kind')
    return manifest
  } catch (error) {
    throw new Refused(`${join(folder, manifestName)} is no manifest of a snapshot: ${(error as Error).message}`)
  }
}

async function writeManifest(dir: string, manifest: Manifest): Promise<void> {
  const next = join(dir, `${manifestName}.next`)
  await writeFile(next, `${JSON.stringify(manifest, null, 1)}\n`)
  await rename(next, join(dir, manifestName))
}

const sum = ({ taken }: Manifest, what: 'bytes' | 'customers'): number =>
  taken.reduce((total, each) => total + (each?.[what] ?? 0), 0)
