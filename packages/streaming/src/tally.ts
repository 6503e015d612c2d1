import type { Outcome } from './fold.ts'

/**
 * Totals of one partition by what became of its records: `applied`, `skipped/<reason>`, `rejected/<reason>`. They add up
 * to the records read, because each is counted once and saved together with the watermark.
 */
export type Tally = {
  count(outcome: Outcome<unknown>): void
  /** Anything else worth a total, under its own name. */
  add(name: string, by?: number): void
  /** Totals that changed since the last `settle`. */
  readonly changed: ReadonlyMap<string, number>
  /** What was counted is saved; answers what was added since the last time. */
  settle(): ReadonlyMap<string, number>
  /** Why the source must stop rather than drain into dead letters, null while all is well. */
  stopReason(): string | null
}

export type RejectLimits = {
  /** Rejects in a row at which a source stops. */
  readonly inARow: number
  /** Share of what was read since the last save, of at least `ofAtLeast` records, at which it stops. */
  readonly share: number
  readonly ofAtLeast: number
}

export const rejectLimits: RejectLimits = { inARow: 100, share: 0.5, ofAtLeast: 200 }

const inARow = 'rejects-in-a-row'
const stopped = 'stopped-by-rejects'

/** `resume` forgets an earlier stop: the operator's explicit word. */
export function createTally(
  saved: ReadonlyMap<string, number>,
  limits: RejectLimits = rejectLimits,
  resume = false,
): Tally {
  const totals = new Map(saved)
  const changed = new Map<string, number>()
  const added = new Map<string, number>()
  let records = 0
  let rejects = 0
  const set = (name: string, value: number): void => {
    totals.set(name, value)
    changed.set(name, value)
  }
  const add = (name: string, by = 1): void => {
    set(name, (totals.get(name) ?? 0) + by)
    added.set(name, (added.get(name) ?? 0) + by)
  }
  if (resume && (totals.get(stopped) || totals.get(inARow))) {
    set(inARow, 0)
    set(stopped, 0)
  }
  return {
    count(outcome) {
      records++
      if (outcome.kind === 'reject') {
        rejects++
        add(`rejected/${outcome.reason}`)
        set(inARow, (totals.get(inARow) ?? 0) + 1)
      } else {
        add(outcome.kind === 'done' ? 'applied' : `skipped/${outcome.reason}`)
        if (totals.get(inARow)) set(inARow, 0)
      }
      if (
        (totals.get(inARow) ?? 0) >= limits.inARow ||
        (records >= limits.ofAtLeast && rejects / records >= limits.share)
      )
        set(stopped, 1)
    },
    add,
    changed,
    settle() {
      const since = new Map(added)
      changed.clear()
      added.clear()
      records = 0
      rejects = 0
      return since
    },
    stopReason: () =>
      totals.get(stopped)
        ? `stopped after ${totals.get(inARow) ?? 0} rejects in a row or too large a share of a batch: look at the dead letters, then start with --continue-after-rejects`
        : null,
  }
}
