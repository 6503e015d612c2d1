import type { Stack, StackKind } from '@offerstream/stack'
import type { Surroundings } from '@offerstream/streaming'
import type { Output } from './output.ts'
import { reopenLine } from './remembered-line.ts'
import { surroundingsOf } from './surroundings.ts'

/** Opens the last line, hands it to `work`, and closes it whatever becomes of that. */
export async function withLine<T>(
  kind: StackKind | 'auto',
  { progress }: Pick<Output, 'progress'>,
  work: (surroundings: Surroundings, stack: Stack) => Promise<T>,
): Promise<T> {
  const { stack, line } = await reopenLine(kind, progress)
  const surroundings = surroundingsOf(stack, { ...line, notice: progress })
  try {
    return await work(surroundings, stack)
  } finally {
    await surroundings.close()
    await stack.stop()
  }
}
