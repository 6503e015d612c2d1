import type { Log } from '@offerstream/streaming'

/** Where each partition of a topic ended at most `maxAgeMs` ago; those who ask meanwhile share one answer. */
export function createEnds(log: Log, path: string, maxAgeMs: number): (partition: number) => Promise<number> {
  let asked: { readonly at: number; readonly bounds: ReturnType<Log['bounds']> } | null = null
  return async partition => {
    if (asked === null || performance.now() - asked.at > maxAgeMs)
      asked = { at: performance.now(), bounds: log.bounds(path) }
    const mine = asked
    const bounds = await mine.bounds.catch(error => {
      if (asked === mine) asked = null
      throw error
    })
    return bounds[partition]!.next
  }
}
