import { mkdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { entriesIn } from './folder.ts'
import type { Vectors } from './vectors.ts'

/** A choice table under way: it comes whole or not at all. */
export type ChoiceFolder = {
  /** Where files go until it is whole. */
  readonly partial: string
  /** Ends the folder with its `columns.json` and gives it its name. */
  finish({ features, pairs }: Pick<Vectors, 'features' | 'pairs'>, world: object | null): void
  /** Always; what was not finished leaves nothing. */
  close(): void
}

/** Throws where `out` already holds something. */
export function createChoiceFolder(out: string): ChoiceFolder {
  if ((entriesIn(out) ?? 0) > 0)
    throw new Error(`${out} is not empty; name a folder that is, or that does not exist yet`)
  const partial = `${out}.partial`
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial, { recursive: true })
  return {
    partial,
    finish({ features, pairs }, world) {
      writeFileSync(join(partial, 'columns.json'), `${JSON.stringify({ features, pairs, world })}\n`)
      // Only an empty folder goes: what came into it meanwhile stays, and the rename says so.
      if (entriesIn(out) !== null) rmdirSync(out)
      renameSync(partial, out)
    },
    close: () => rmSync(partial, { recursive: true, force: true }),
  }
}
