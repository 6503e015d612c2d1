import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { graphOf } from '../src/graph.ts'
import { atBoundary, type Manifest, openSession, walkerOf } from '../src/index.ts'
import { inlineRows, inParts } from '../src/scoring.ts'

export type Parity = {
  readonly rows: number
  /** The largest |Δp| between the native runtime and the walker. */
  readonly largest: number
  /** The largest |Δp| between the native runtime and the library's own answer, on the golden rows. */
  readonly golden: number
  /** Choices of fifteen rows with another winner although the first leads by more than 1e-6. */
  readonly otherChoice: number
}

/** One model of a registry folder, on its golden rows and on both sides of every threshold of its trees. */
export async function folderParity(folder: string): Promise<Parity> {
  const read = (file: string) => JSON.parse(readFileSync(join(folder, file), 'utf8'))
  const manifest = read('manifest.json') as Manifest
  const golden = read('golden.json') as { rows: (number | null)[][]; probability: number[] }
  const model = readFileSync(join(folder, 'model.onnx'))
  const width = manifest.features.length + manifest.pairs.length
  const real = atBoundary(Float32Array.from(golden.rows.flat(), x => x ?? Number.NaN))
  const rows = Float32Array.from([...real, ...edgeRows(model, real, width)])
  const { probability: output, preference } = manifest.outputs
  const [native, ranked] = await answers(model, rows, width, output, preference)
  const count = rows.length / width
  const walker = walkerOf(model)
  return {
    rows: count,
    largest: farthest(native, walker(rows, count, output)),
    golden: farthest(native.subarray(0, golden.probability.length), golden.probability),
    otherChoice: otherChoices(ranked, walker(rows, count, preference)),
  }
}

/** Each output of a graph by the native runtime. */
export async function answers(
  model: Uint8Array,
  rows: Float32Array,
  width: number,
  ...outputs: readonly [string, string]
): Promise<[Float32Array, Float32Array]> {
  const session = await openSession(model)
  const score = inParts(session.run, inlineRows)
  const found = [await score(rows, rows.length / width, outputs[0]), await score(rows, rows.length / width, outputs[1])]
  await session.close()
  return found as [Float32Array, Float32Array]
}

/** For every threshold three real rows, that column at the nearest float32 and at its two neighbours. */
export function edgeRows(model: Uint8Array, real: Float32Array, width: number): Float32Array {
  const { nodes, input } = graphOf(model)
  const wide = new Set([input, ...nodes.filter(node => node.inputs[0] === input).flatMap(node => node.outputs)])
  const rows: number[] = []
  let from = 0
  for (const { operation, inputs, attributes } of nodes) {
    if (operation !== 'TreeEnsembleRegressor' || !wide.has(inputs[0]!)) continue
    const columns = attributes.get('nodes_featureids')!.integers
    const modes = attributes.get('nodes_modes')!.texts
    const tensor = attributes.get('nodes_values_as_tensor')?.tensor?.values
    for (const [node, threshold] of (tensor ?? attributes.get('nodes_values')!.floats).entries()) {
      if (modes[node] === 'LEAF' || !Number.isFinite(Math.fround(threshold))) continue
      for (const x of neighbours(threshold)) {
        const row = [...real.subarray(from, from + width)]
        from = (from + width) % real.length
        row[columns[node]!] = x
        rows.push(...row)
      }
    }
  }
  return atBoundary(Float32Array.from(rows))
}

function neighbours(x: number): number[] {
  const near = Math.fround(x)
  const bits = new Int32Array(Float32Array.of(near).buffer)[0]!
  const at = (step: number) => new Float32Array(Int32Array.of(bits + step).buffer)[0]!
  // Next to zero the boundary makes all of them zero.
  return [near, near === 0 ? 0 : at(1), near === 0 ? 0 : at(-1)]
}

export function farthest(left: ArrayLike<number>, right: ArrayLike<number>): number {
  let largest = 0
  for (let row = 0; row < left.length; row++) {
    const difference = Math.abs(left[row]! - right[row]!)
    if (!(difference <= largest)) largest = difference
  }
  return largest
}

function otherChoices(wanted: Float32Array, given: Float32Array, choice = 15): number {
  let others = 0
  for (let from = 0; from + choice <= wanted.length; from += choice) {
    const order = Array.from({ length: choice }, (_, index) => from + index).sort((a, b) => wanted[b]! - wanted[a]!)
    const [first, second] = order as [number, number]
    const clear = wanted[first]! - wanted[second]! > 1e-6 * Math.max(1, Math.abs(wanted[first]!))
    if (clear && Math.max(...order.map(row => given[row]!)) !== given[first]!) others++
  }
  return others
}
