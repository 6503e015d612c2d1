import type { WorldOptions } from '@offerstream/simulator'
import { operatorChoices } from './operator.ts'
import { createVectors, type Vectors } from './vectors.ts'
import { type Part, type World, worldChoices } from './world.ts'
import { type ChoiceCounts, createChoiceFiles } from './write-choices.ts'

type Writing = {
  /** A folder that does not exist yet, or is empty. */
  readonly out: string
  readonly progress?: (line: string, share: number) => void
}

type Operator = WorldOptions & { readonly months: number }

/** Writes the choice table of a simulated market, with what only judges may read in `oracle/`. Whole or not at all. */
export const writeWorld = ({ out, progress, ...world }: World & Writing): Promise<ChoiceCounts> => {
  const vectors = createVectors()
  return write(world, worldChoices(world, vectors), vectors, { out, ...(progress === undefined ? {} : { progress }) })
}

/** The same of the small operator that the demo talks to. */
export const writeOperator = ({ out, progress, ...world }: Operator & Writing): Promise<ChoiceCounts> => {
  const vectors = createVectors()
  return write(world, operatorChoices(world, vectors), vectors, {
    out,
    ...(progress === undefined ? {} : { progress }),
  })
}

async function write(
  world: World | Operator,
  parts: Iterable<Part>,
  vectors: Vectors,
  { out, progress = () => {} }: Writing,
): Promise<ChoiceCounts> {
  const files = await createChoiceFiles(out, vectors)
  try {
    for (const { block, start, month } of parts) {
      progress(`month ${month + 1} of ${world.months}`, (month + 1) / world.months)
      if (block.groups.length > 0) await files.write(block, start)
    }
    return files.finish(world)
  } finally {
    files.close()
  }
}
