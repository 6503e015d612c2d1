import { availableParallelism } from 'node:os'
import type { WorldOptions } from '@offerstream/simulator'
import { createChoiceFolder } from './choice-folder.ts'
import { operatorChoices } from './operator.ts'
import { createVectors } from './vectors.ts'
import type { World } from './world.ts'
import { writeOnThreads } from './world-threads.ts'
import { type ChoiceCounts, createChoiceWriter, noChoices, sumOfCounts, threeDigits } from './write-choices.ts'

type Writing = {
  /** A folder that does not exist yet, or is empty. */
  readonly out: string
  readonly progress?: (line: string, share: number) => void
}

type Threads = {
  /** Customers that are played and followed together, in files of their own: memory and time hang on it, the rows do not. */
  readonly together?: number
  /** As many as there are processors unless told. */
  readonly threads?: number
}

/** Writes the choice table of a simulated market, with what only judges may read in `oracle/`. Whole or not at all. */
export async function writeWorld({
  out,
  progress = () => {},
  together = 10_000,
  threads = availableParallelism(),
  ...world
}: World & Writing & Threads): Promise<ChoiceCounts> {
  const folder = createChoiceFolder(out)
  try {
    const ranges = Math.ceil(world.customers / together)
    let counts = noChoices
    let done = 0
    await writeOnThreads(Math.min(threads, ranges), { world, together, folder: folder.partial }, more => {
      counts = sumOfCounts(counts, more)
      done++
      progress(`${Math.min(world.customers, done * together)} of ${world.customers} customers`, done / ranges)
    })
    folder.finish(createVectors(), world)
    return counts
  } finally {
    folder.close()
  }
}

type Operator = WorldOptions & { readonly months: number }

/** The same of the small operator that the demo talks to. */
export async function writeOperator({ out, progress = () => {}, ...world }: Operator & Writing): Promise<ChoiceCounts> {
  const vectors = createVectors()
  const folder = createChoiceFolder(out)
  const files = await createChoiceWriter(folder.partial, vectors)
  try {
    let counts = noChoices
    for (const { block, start, month } of operatorChoices(world, vectors)) {
      progress(`month ${month + 1} of ${world.months}`, (month + 1) / world.months)
      if (block.groups.length > 0) counts = sumOfCounts(counts, await files.write(block, start, threeDigits(month)))
    }
    folder.finish(vectors, world)
    return counts
  } finally {
    files.close()
    folder.close()
  }
}
