import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TopicName } from '@offerstream/contracts'
import { type Bounds, Refused } from '@offerstream/streaming'

/** What an export holds: written after each file, so that what it names is whole and what it does not name is nothing. */
export type Manifest = {
  readonly format: 1
  /** First moment asked for; null for the beginning. */
  readonly from: number | null
  readonly topics: { readonly [Name in ExportedTopic]: TopicExport }
  /** Names of the features in their order, by the fingerprint that each vector carries; a reader has no other source for them. */
  readonly features?: FeatureLists
  readonly files: readonly ExportedFile[]
}

export type FeatureLists = { readonly [fingerprint: string]: readonly string[] }

export const exportedTopics = ['playbook', 'customer-events', 'decisions'] as const satisfies readonly TopicName[]
export type ExportedTopic = (typeof exportedTopics)[number]

type TopicExport = {
  /** Avro schema of the `record` column. */
  readonly schema: string
  readonly partitions: readonly Bounds[]
}

export type ExportedFile = {
  /** Below the export's folder. */
  readonly path: string
  readonly topic: ExportedTopic
  readonly partition: number
  /** What it holds lies in these offsets, which it shares with the files of other days written with it and with no other. */
  readonly offsets: Bounds
  readonly day: string
  readonly records: number
  readonly bytes: number
  readonly sha256: string
}

const manifestPath = (dir: string): string => join(dir, 'manifest.json')

/** The manifest of a folder, null where there is none. Throws `Refused` for one that cannot be read. */
export async function readManifest(dir: string): Promise<Manifest | null> {
  let text: string
  try {
    text = await readFile(manifestPath(dir), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new Refused(`${manifestPath(dir)} cannot be read: ${(error as Error).message}`)
  }
  try {
    const manifest = JSON.parse(text) as Manifest
    if (manifest.format === 1) return manifest
    throw new Error(`its format is ${String(manifest.format)}, wanted 1`)
  } catch (error) {
    throw new Refused(`${manifestPath(dir)} is no manifest of an export: ${(error as Error).message}`)
  }
}

export async function writeManifest(dir: string, manifest: Manifest): Promise<void> {
  await mkdir(dir, { recursive: true })
  const next = `${manifestPath(dir)}.next`
  await writeFile(next, `${JSON.stringify(manifest, null, 1)}\n`)
  await rename(next, manifestPath(dir))
}

export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

/** Throws `Refused` naming every file that is not what the manifest says: missing, cut or changed. */
export async function verifyFiles(dir: string, { files }: Manifest): Promise<void> {
  const problems: string[] = []
  for (const { path, bytes, sha256 } of files) {
    const file = join(dir, path)
    const found = await stat(file).catch(() => null)
    if (found === null) problems.push(`${path} is missing`)
    else if (found.size < bytes) problems.push(`${path} is cut: it has ${found.size} of ${bytes} bytes`)
    else if (found.size !== bytes || (await sha256Of(file)) !== sha256)
      problems.push(`${path} is not the file that was written: its bytes changed`)
  }
  if (problems.length > 0)
    throw new Refused(
      `export ${dir} is damaged:\n${problems.join('\n')}\nWrite it again into another folder with offerstream export --out.`,
    )
}
