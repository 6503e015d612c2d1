import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defaults, type ModelPromotion } from '@offerstream/contracts'
import { atBoundary } from './boundary.ts'
import { hasExternalData } from './external-data.ts'
import { withFallback } from './fallback.ts'
import { Unwalkable } from './graph.ts'
import { type Manifest, manifestProblems } from './manifest.ts'
import { type Pool, partsPerThread } from './pool.ts'
import { inlineRows, inParts, openSession, type Run, type Scorer, type Session } from './scoring.ts'
import { type Walker, walkerOf } from './walker.ts'

/** The registry folder of this repository. */
export const modelsFolder = fileURLToPath(new URL('../../../models/', import.meta.url))

/** A model that passed every check. `walker` is its second implementation, null where its graph has none. */
export type Model = {
  readonly manifest: Manifest
  readonly scorer: Scorer
  readonly walker: Walker | null
  close(): Promise<void>
}

export type ModelOptions = {
  /** Takes batches from `pooledRows` on; none unless given. */
  readonly pool?: Pool
  /** For ranking whole bases: large batches, and nobody waits for one of them. A quick walker scores, the runtime where it fails. */
  readonly batches?: boolean
  /** How long the native runtime may take for a part of a batch, waiting included; 5 seconds unless given. */
  readonly timeoutMs?: number
  /** How long it is left alone after it failed too often, milliseconds; 10 seconds unless given. */
  readonly resetMs?: number
  /** Told when the other implementation serves in its place: the model as name/version, how many rows, and why. */
  readonly fellBack?: (model: string, rows: number, why: string) => void
  /** Told of all rows that were to be scored. */
  readonly scored?: (model: string, rows: number) => void
  /** The native runtime, unless a test gives another. */
  readonly open?: (bytes: Uint8Array) => Promise<Session>
}

/** A batch from so many rows on goes to the pool, in parts of this many. */
const pooledRows = 3000
const pooledPartRows = 1500

/** A model that must not serve, and why. */
export class ModelRefused extends Error {
  override name = 'ModelRefused'
}

/** Rows with their outputs as they were when the model was made; null is NaN. */
type Golden = {
  readonly rows: readonly (readonly (number | null)[])[]
  readonly probability: readonly number[]
  readonly preference: readonly number[]
}

/** How far a golden output may be off, for another runtime's kernels. */
const goldenTolerance = 1e-5

/**
 * The model of `<folder>/<name>/<version>/`, from bytes, after all checks. `sha256` is the one promoted. Throws
 * `ModelRefused` with everything that is wrong.
 */
export async function loadModel(
  folder: string,
  name: string,
  version: string,
  sha256?: string,
  options: ModelOptions = {},
): Promise<Model> {
  const refuse = (...problems: readonly string[]): never => {
    throw new ModelRefused(problems.map(problem => `model ${name}/${version} ${problem}`).join('\n'))
  }
  const read = async (file: string): Promise<Buffer> => {
    try {
      return await readFile(join(folder, name, version, file))
    } catch (error) {
      return refuse(`cannot be read: ${(error as Error).message}`)
    }
  }
  const parse = async <T>(file: string): Promise<T> => {
    try {
      return JSON.parse((await read(file)).toString('utf8')) as T
    } catch (error) {
      if (error instanceof ModelRefused) throw error
      return refuse(`has a ${file} that is no JSON: ${(error as Error).message}`)
    }
  }
  const manifest = await parse<Manifest>('manifest.json')
  const problems = manifestProblems(manifest, name, version)
  if (problems.length > 0) refuse(...problems)
  const bytes = await read('model.onnx')
  const found = createHash('sha256').update(bytes).digest('hex')
  if (found !== manifest.sha256) refuse(`has bytes of sha256 ${found}, its manifest says ${manifest.sha256}`)
  if (sha256 !== undefined && found !== sha256) refuse(`has bytes of sha256 ${found}, ${sha256} was promoted`)
  if (externalData(bytes, refuse)) refuse('keeps data in another file')
  const golden = await parse<Golden>('golden.json')

  const walker = walkerOrNull(bytes, refuse)
  let session: Session
  try {
    session = await (options.open ?? openSession)(bytes)
  } catch (error) {
    return refuse(`cannot be loaded: ${(error as Error).message}`)
  }
  try {
    const width = manifest.features.length + manifest.pairs.length
    if (session.inputs.length !== 1) refuse(`has ${session.inputs.length} inputs, wanted one`)
    if (session.width !== null && session.width !== width)
      refuse(`takes ${session.width} columns, its manifest names ${width}`)
    for (const output of Object.values(manifest.outputs))
      if (!session.outputs.includes(output)) refuse(`has no output ${output}, only ${session.outputs.join(', ')}`)
    for (const output of ['probability', 'preference'] as const) {
      const problem = await goldenProblem(session, walker, golden, output, manifest.outputs[output], width)
      if (problem !== null) refuse(problem)
    }
  } catch (error) {
    await session.close()
    if (error instanceof ModelRefused) throw error
    return refuse(`fails on its golden rows: ${(error as Error).message}`)
  }
  const served = serve(`${name}/${version}`, manifest.outputs.probability, session, bytes, walker, options)
  return {
    manifest,
    walker,
    scorer: served.scorer,
    async close() {
      served.close()
      await session.close()
    },
  }
}

/** Small batches in this thread, large ones in the pool, and the other implementation where either fails. */
function serve(
  model: string,
  output: string,
  session: Session,
  bytes: Uint8Array,
  walker: Walker | null,
  { pool, batches = false, timeoutMs = 5000, resetMs = 10_000, fellBack = () => {}, scored = () => {} }: ModelOptions,
): { readonly scorer: Scorer; close(): void } {
  const guards: { close(): void }[] = []
  const walk: Run | null = walker && (async (rows, count, wanted) => walker(rows, count, wanted))
  const walksFirst = batches && walker?.quick === true
  const guarded = (run: Run): Run => {
    if (walk === null) return run
    const options = { timeoutMs, resetMs, fellBack: (rows: number, why: string) => fellBack(model, rows, why) }
    const guard = walksFirst ? withFallback(model, walk, run, options) : withFallback(model, run, walk, options)
    guards.push(guard)
    return guard.run
  }
  const inline = inParts(guarded(session.run), walksFirst ? pooledPartRows : inlineRows)
  const pooled =
    pool === undefined ? inline : inParts(guarded(pool.runOf(bytes)), pooledPartRows, pool.threads * partsPerThread)
  return {
    scorer: {
      score(rows, count) {
        scored(model, count)
        return (count < pooledRows ? inline : pooled)(rows, count, output)
      },
    },
    close() {
      for (const guard of guards) guard.close()
    },
  }
}

/** The second implementation, null for a graph that only the native runtime understands. */
function walkerOrNull(bytes: Uint8Array, refuse: (problem: string) => never): Walker | null {
  try {
    return walkerOf(bytes)
  } catch (error) {
    if (error instanceof Unwalkable) return null
    return refuse(`is no ONNX file: ${(error as Error).message}`)
  }
}

function externalData(bytes: Uint8Array, refuse: (problem: string) => never): boolean {
  try {
    return hasExternalData(bytes)
  } catch (error) {
    return refuse(`is no ONNX file: ${(error as Error).message}`)
  }
}

async function goldenProblem(
  session: Session,
  walker: Walker | null,
  golden: Golden,
  output: 'probability' | 'preference',
  name: string,
  width: number,
): Promise<string | null> {
  if (golden.rows.length === 0) return 'has no golden rows'
  if (golden.rows.some(row => row.length !== width)) return `has golden rows that are not ${width} wide`
  const rows = atBoundary(Float32Array.from(golden.rows.flat(), x => x ?? Number.NaN))
  const scores = await inParts(session.run, inlineRows)(rows, golden.rows.length, name)
  const walked = walker?.(rows, golden.rows.length, name)
  for (let row = 0; row < scores.length; row++) {
    const score = scores[row]!
    const expected = golden[output][row]
    if (Number.isNaN(score)) return `gives NaN as ${output} of golden row ${row}`
    if (expected === undefined || !isNear(score, expected))
      return `gives ${score} as ${output} of golden row ${row}, wanted ${expected}`
    if (walked !== undefined && !isNear(walked[row]!, score))
      return `gives ${score} as ${output} of golden row ${row}, its second implementation ${walked[row]}`
  }
  return null
}

const isNear = (score: number, wanted: number): boolean =>
  Math.abs(score - wanted) <= goldenTolerance * Math.max(1, Math.abs(wanted))

/** The promotion of a model in the registry folder, as the playbook wants it. */
export async function promotionOf(
  folder: string,
  name: string,
  version: string,
  stage: ModelPromotion['stage'] = 'champion',
): Promise<ModelPromotion> {
  const manifest = JSON.parse(await readFile(join(folder, name, version, 'manifest.json'), 'utf8')) as Manifest
  return {
    ...defaults.ModelPromotion,
    name,
    version,
    stage,
    sha256: manifest.sha256,
  }
}

/** The newest version of every model in the folder, as champions: what a demo begins with. */
export async function demoPromotions(folder: string = modelsFolder): Promise<ModelPromotion[]> {
  const promotions: ModelPromotion[] = []
  for (const name of (await readdir(folder)).sort()) {
    const versions = (await readdir(join(folder, name))).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    const newest = versions.at(-1)
    if (newest !== undefined) promotions.push(await promotionOf(folder, name, newest))
  }
  return promotions
}
