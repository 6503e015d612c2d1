import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ModelPromotion } from '@offerstream/contracts'
import { hasExternalData } from './external-data.ts'
import { type Manifest, manifestProblems } from './manifest.ts'
import { type OnnxScorer, onnxScorer, type Scorer } from './scoring.ts'

/** The registry folder of this repository. */
export const modelsFolder = fileURLToPath(new URL('../../../models/', import.meta.url))

/** A model that passed every check. */
export type Model = { readonly manifest: Manifest; readonly scorer: Scorer; close(): Promise<void> }

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
export async function loadModel(folder: string, name: string, version: string, sha256?: string): Promise<Model> {
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

  let scorer: OnnxScorer
  try {
    scorer = await onnxScorer(bytes, manifest.outputs.probability)
  } catch (error) {
    return refuse(`cannot be loaded: ${(error as Error).message}`)
  }
  try {
    const width = manifest.features.length + manifest.pairs.length
    if (scorer.inputs.length !== 1) refuse(`has ${scorer.inputs.length} inputs, wanted one`)
    if (scorer.width !== null && scorer.width !== width)
      refuse(`takes ${scorer.width} columns, its manifest names ${width}`)
    for (const output of Object.values(manifest.outputs))
      if (!scorer.outputs.includes(output)) refuse(`has no output ${output}, only ${scorer.outputs.join(', ')}`)
    for (const output of ['probability', 'preference'] as const) {
      const problem = await goldenProblem(scorer, golden, output, manifest.outputs[output], width)
      if (problem !== null) refuse(problem)
    }
  } catch (error) {
    await scorer.close()
    if (error instanceof ModelRefused) throw error
    return refuse(`fails on its golden rows: ${(error as Error).message}`)
  }
  return { manifest, scorer, close: scorer.close }
}

function externalData(bytes: Uint8Array, refuse: (problem: string) => never): boolean {
  try {
    return hasExternalData(bytes)
  } catch (error) {
    return refuse(`is no ONNX file: ${(error as Error).message}`)
  }
}

async function goldenProblem(
  scorer: OnnxScorer,
  golden: Golden,
  output: 'probability' | 'preference',
  name: string,
  width: number,
): Promise<string | null> {
  if (golden.rows.length === 0) return 'has no golden rows'
  if (golden.rows.some(row => row.length !== width)) return `has golden rows that are not ${width} wide`
  const scores = await scorer.run(
    Float32Array.from(golden.rows.flat(), x => x ?? Number.NaN),
    golden.rows.length,
    name,
  )
  for (let row = 0; row < scores.length; row++) {
    const score = scores[row]!
    const expected = golden[output][row]
    if (Number.isNaN(score)) return `gives NaN as ${output} of golden row ${row}`
    if (expected === undefined || !(Math.abs(score - expected) <= goldenTolerance * Math.max(1, Math.abs(expected))))
      return `gives ${score} as ${output} of golden row ${row}, wanted ${expected}`
  }
  return null
}

/** The promotion of a model in the registry folder, as the playbook wants it. */
export async function promotionOf(
  folder: string,
  name: string,
  version: string,
  stage: ModelPromotion['stage'] = 'champion',
): Promise<ModelPromotion> {
  const manifest = JSON.parse(await readFile(join(folder, name, version, 'manifest.json'), 'utf8')) as Manifest
  return { type: 'model', name, version, stage, share: 1, sha256: manifest.sha256 }
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
