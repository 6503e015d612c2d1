import { openExport } from '@offerstream/evaluation'
import { createChoiceFolder } from './choice-folder.ts'
import { type PastCounts, pastChoices } from './past.ts'
import { createVectors } from './vectors.ts'
import { type ChoiceCounts, createChoiceWriter, noChoices, sumOfCounts, threeDigits } from './write-choices.ts'

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
    const folder = createChoiceFolder(out)
    const files = await createChoiceWriter(folder.partial, vectors)
    try {
      let counts = noChoices
      const parts = pastChoices(past, vectors)
      for (;;) {
        const { value, done } = await parts.next()
        if (done) {
          folder.finish(vectors, null)
          return { ...counts, ...value }
        }
        const { block, start, partition, partitions } = value
        progress(`partition ${partition + 1} of ${partitions}`, (partition + 1) / partitions)
        if (block.groups.some(({ kept }) => kept))
          counts = sumOfCounts(counts, await files.write(block, start, threeDigits(partition)))
      }
    } finally {
      files.close()
      folder.close()
    }
  } finally {
    await past.close()
  }
}
