// Where a replay or backtest reads the past from: the stack of the last line, or an export on disk. Only read.
import { type OpenedExport, openExport } from '@offerstream/evaluation'
import type { StackKind } from '@offerstream/stack'
import type { Surroundings } from '@offerstream/streaming'
import type { Output } from './output.ts'
import { reopenLine } from './remembered-line.ts'
import { surroundingsOf } from './surroundings.ts'

export type Past = Pick<Surroundings, 'log' | 'registry' | 'prefix'>

/** Opens the past, hands it to `work`, and closes it whatever becomes of that. */
export async function withPast<T>(
  from: { readonly export?: string; readonly stack: StackKind | 'auto' },
  output: Output,
  work: (past: Past) => Promise<T>,
): Promise<T> {
  if (from.export !== undefined) {
    const opened: OpenedExport = await openExport(from.export)
    return work(opened).finally(opened.close)
  }
  const { stack, line } = await reopenLine(from.stack, output.progress)
  const surroundings = surroundingsOf(stack, { ...line, notice: output.progress })
  try {
    return await work(surroundings)
  } finally {
    await surroundings.close()
    await stack.stop()
  }
}
