// What a ranking is of, and how far it has come: written after each file, so that what it names is whole and what it does
// not name is nothing.
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ItemKind } from '@offerstream/contracts'
import { Refused } from '@offerstream/streaming'

/** All that the rows of a ranking hang on, besides the states themselves. */
export type RankingRun = {
  /** Names it, and the campaign that brings it to the customers. */
  readonly run: string
  /** Moment of the ranking, milliseconds since the epoch. */
  readonly at: number
  readonly playbookVersion: number
  /** `store`, or the moment of a snapshot. */
  readonly states: string
  /** Of the list of features. */
  readonly fingerprint: string
  readonly kinds: readonly ItemKind[]
  /** Ranks written for each customer; null for whatever is eligible. */
  readonly top: number | null
  readonly shard: { readonly index: number; readonly of: number }
  readonly partitions: number
  readonly fileCustomers: number
}

export type RankedFile = {
  /** Below the ranking's folder. */
  readonly path: string
  readonly partition: number
  readonly customers: number
  readonly rows: number
  /** Customers with something that might be offered. */
  readonly offerable: number
  /** Candidates by why they were refused. */
  readonly refused: Readonly<Record<string, number>>
  /** Customers of whom nothing could be decided, by why. */
  readonly undecided: Readonly<Record<string, number>>
  /** The last customer in it; what follows of the partition comes after it in order. */
  readonly last: string
  readonly bytes: number
  readonly sha256: string
}

export type RankingManifest = RankingRun & {
  readonly format: 1
  /** Partitions with all of their files. */
  readonly done: readonly number[]
  readonly files: readonly RankedFile[]
}

const manifestPath = (dir: string): string => join(dir, 'manifest.json')

/** Null for a folder that is empty or not there. Throws `Refused` for one that holds anything else. */
export async function readRanking(dir: string): Promise<RankingManifest | null> {
  const text = await readFile(manifestPath(dir), 'utf8').catch(() => null)
  if (text === null) {
    const found = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw new Refused(`${dir} cannot be read: ${error.message}`)
    })
    if (found.some(name => !name.startsWith('manifest.json')))
      throw new Refused(`${dir} is not empty and holds no ranking: take another folder`)
    return null
  }
  try {
    const manifest = JSON.parse(text) as RankingManifest
    if (manifest.format !== 1 || typeof manifest.run !== 'string') throw new Error('it is of another kind')
    return manifest
  } catch (error) {
    throw new Refused(
      `${manifestPath(dir)} is no manifest of a ranking: ${(error as Error).message}; take another folder`,
    )
  }
}

export async function writeRanking(dir: string, manifest: RankingManifest): Promise<void> {
  await mkdir(dir, { recursive: true })
  await writeFile(`${manifestPath(dir)}.next`, `${JSON.stringify(manifest, null, 1)}\n`)
  await rename(`${manifestPath(dir)}.next`, manifestPath(dir))
}

/** Refuses a folder that holds another ranking than the one asked for, naming what differs. */
export function assertSameRun(dir: string, found: RankingManifest, asked: RankingRun): void {
  const differing = (Object.keys(asked) as (keyof RankingRun)[])
    .filter(field => JSON.stringify(found[field]) !== JSON.stringify(asked[field]))
    .map(field => `${field} ${shown(field, found[field])}, not ${shown(field, asked[field])}`)
  if (differing.length > 0)
    throw new Refused(`${dir} holds another ranking: ${differing.join('; ')}. Take another folder, or ask for the same`)
}

const shown = (field: keyof RankingRun, value: unknown): string =>
  field === 'at' ? new Date(value as number).toISOString() : JSON.stringify(value)
