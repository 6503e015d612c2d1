import { InferenceSession, Tensor } from 'onnxruntime-node'
import { atBoundary } from './boundary.ts'

/** Scores rows of a model's inputs, one number each. */
export type Scorer = { score(rows: Float32Array, count: number): Promise<Float32Array> }

/** A run blocks the event loop: past so many rows others get a turn first. */
const inlineRows = 150

export type OnnxScorer = Scorer & {
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** Columns of the only input, null where the graph leaves them open. */
  readonly width: number | null
  /** Any output by name; `score` gives the one named at the beginning. */
  run(rows: Float32Array, count: number, output: string): Promise<Float32Array>
  close(): Promise<void>
}

/** A graph of one input and one number per row, on one thread, so that the bits hang on no batch. */
export async function onnxScorer(bytes: Uint8Array, output: string): Promise<OnnxScorer> {
  const session = await InferenceSession.create(bytes, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
  })
  const [metadata] = session.inputMetadata
  const columns = metadata?.isTensor ? metadata.shape.at(-1) : undefined
  const run = async (rows: Float32Array, count: number, wanted: string): Promise<Float32Array> => {
    const width = count === 0 ? 0 : rows.length / count
    const scores = new Float32Array(count)
    atBoundary(rows)
    for (let from = 0; from < count; from += inlineRows) {
      if (from > 0) await new Promise(setImmediate)
      const rowCount = Math.min(inlineRows, count - from)
      const part = rows.subarray(from * width, (from + rowCount) * width)
      const answer = await session.run({ [session.inputNames[0]!]: new Tensor('float32', part, [rowCount, width]) }, [
        wanted,
      ])
      const values = answer[wanted]!.data as Float32Array
      if (values.length !== rowCount)
        throw new Error(`output ${wanted} has ${values.length} values for ${rowCount} rows, wanted one a row`)
      scores.set(values, from)
    }
    return scores
  }
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    width: typeof columns === 'number' ? columns : null,
    run,
    score: (rows, count) => run(rows, count, output),
    close: () => session.release(),
  }
}
