import { openExport } from '@offerstream/evaluation'
import { type PastCounts, pastChoices } from './past.ts'
import { createVectors } from './vectors.ts'
import { type ChoiceCounts, createChoiceFiles } from './write-choices.ts'

export type WritePastOptions = {
  /** A folder of `offerstream export` that begins where the journal does. */
  readonly dir: string
  /** A folder that does not exist yet, or is empty. */
  readonly out: string
  readonly progress?: (line: string, share: number) => void
}

/** Writes the choice table of an export, its vectors replayed. Whole or not at all. Throws `Refused` for a folder that is no whole export. */
export async function writePast({
  dir,
  out,
  progress = () => {},
}: WritePastOptions): Promise<ChoiceCounts & PastCounts> {
  const past = await openExport(dir)
  const vectors = createVectors()
  try {
    const files = await createChoiceFiles(out, vectors)
    try {
      const parts = pastChoices(past, vectors)
      for (;;) {
        const { value, done } = await parts.next()
        if (done) return { ...files.finish(null), ...value }
        const { block, start, partition, partitions } = value
        progress(`partition ${partition + 1} of ${partitions}`, (partition + 1) / partitions)
        if (block.groups.some(({ kept }) => kept)) await files.write(block, start)
      }
    } finally {
      files.close()
    }
  } finally {
    await past.close()
  }
}
