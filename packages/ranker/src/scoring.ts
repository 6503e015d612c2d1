import { InferenceSession, Tensor } from 'onnxruntime-node'
import { atBoundary } from './boundary.ts'

/** Scores rows of a model's inputs, one number each. Throws `InfiniteInput`. */
export type Scorer = { score(rows: Float32Array, count: number): Promise<Float32Array> }

/** Rows of a model's inputs, how many, and the name of the output wanted: one number a row. */
export type Run = (rows: Float32Array, count: number, output: string) => Promise<Float32Array>

/** A run in this thread blocks its event loop: past so many rows others get a turn first. */
export const inlineRows = 150

/** A graph of one input and one number per row, loaded by the native runtime. */
export type Session = {
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** Columns of the only input, null where the graph leaves them open. */
  readonly width: number | null
  /** All rows in one call. */
  readonly run: Run
  close(): Promise<void>
}

/** On one thread, so that the bits hang on no batch. */
export async function openSession(bytes: Uint8Array): Promise<Session> {
  const session = await InferenceSession.create(bytes, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
  })
  const [metadata] = session.inputMetadata
  const columns = metadata?.isTensor ? metadata.shape.at(-1) : undefined
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    width: typeof columns === 'number' ? columns : null,
    async run(rows, count, output) {
      const input = new Tensor('float32', rows, [count, rows.length / count])
      const answer = await session.run({ [session.inputNames[0]!]: input }, [output])
      const scores = answer[output]!.data as Float32Array
      if (scores.length !== count)
        throw new Error(`output ${output} has ${scores.length} values for ${count} rows, wanted one a row`)
      return scores
    },
    close: () => session.release(),
  }
}

/** The same run in parts of so many rows, so many of them under way at once. Rows pass the boundary, in place. */
export function inParts(run: Run, partRows: number, abreast = 1): Run {
  return async (rows, count, output) => {
    atBoundary(rows)
    const width = count === 0 ? 0 : rows.length / count
    const scores = new Float32Array(count)
    let next = 0
    const lane = async (): Promise<void> => {
      for (let from = next; from < count; from = next) {
        const to = Math.min(count, from + partRows)
        next = to
        if (from > 0 && abreast === 1) await new Promise(setImmediate)
        scores.set(await run(rows.subarray(from * width, to * width), to - from, output), from)
      }
    }
    await Promise.all(Array.from({ length: Math.min(abreast, Math.ceil(count / partRows)) }, lane))
    return scores
  }
}
