import { readdirSync } from 'node:fs'

/** How many entries a folder has; null where there is none. */
export function entriesIn(folder: string): number | null {
  try {
    return readdirSync(folder).length
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
