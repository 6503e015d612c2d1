import { createMarket } from '@offerstream/simulator'
import { createVectors } from './vectors.ts'
import { type World, worldChoices } from './world.ts'
import { type ChoiceCounts, createChoiceWriter, noChoices, sumOfCounts, threeDigits } from './write-choices.ts'

/** A world that is written range by range: nobody's months hang on another's. */
export type RangedWorld = {
  readonly world: World
  /** Customers of a range. */
  readonly together: number
  /** Where its files go: by month, then by range, so that their order is that of one file a month. */
  readonly folder: string
}

/** Writes the ranges that `next` names until it names one beyond the last; says of each what was written. */
export async function writeRanges(
  { world, together, folder }: RangedWorld,
  next: () => number,
  done: (counts: ChoiceCounts) => void,
): Promise<void> {
  const vectors = createVectors()
  const market = createMarket(world)
  const files = await createChoiceWriter(folder, vectors)
  try {
    for (let range = next(); range * together < world.customers; range = next()) {
      const from = range * together
      let counts = noChoices
      const parts = worldChoices(world, vectors, market, [from, Math.min(world.customers, from + together)])
      for (const { block, start, month } of parts)
        if (block.groups.length > 0) {
          const name = `${threeDigits(month)}-${threeDigits(range)}`
          counts = sumOfCounts(counts, await files.write(block, start, name))
        }
      done(counts)
    }
  } finally {
    files.close()
  }
}
