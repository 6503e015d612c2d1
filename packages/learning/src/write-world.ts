import { createVectors } from './vectors.ts'
import { type World, worldChoices } from './world.ts'
import { type ChoiceCounts, createChoiceFiles } from './write-choices.ts'

export type WriteWorldOptions = World & {
  /** A folder that does not exist yet, or is empty. */
  readonly out: string
  readonly progress?: (line: string, share: number) => void
}

/** Writes the choice table of a simulated market, with what only judges may read in `oracle/`. Whole or not at all. */
export async function writeWorld({ out, progress = () => {}, ...world }: WriteWorldOptions): Promise<ChoiceCounts> {
  const vectors = createVectors()
  const files = await createChoiceFiles(out, vectors)
  try {
    for (const { block, start, month } of worldChoices(world, vectors)) {
      progress(`month ${month + 1} of ${world.months}`, (month + 1) / world.months)
      if (block.groups.length > 0) await files.write(block, start)
    }
    return files.finish(world)
  } finally {
    files.close()
  }
}
