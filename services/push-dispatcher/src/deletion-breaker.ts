/** Guards live subscriptions against a provider that suddenly calls many of them dead. */
export type DeletionBreaker = {
  /** Counts an answer of the provider. */
  count(gone: boolean): void
  mayDelete(): boolean
}

export type DeletionLimits = {
  /** Largest share of answers within a minute that may say gone. */
  readonly share: number
  /** Fewer than so many prove nothing. */
  readonly ofAtLeast: number
}

const limitsByDefault: DeletionLimits = { share: 0.2, ofAtLeast: 50 }
const minuteMs = 60_000

/** Once open it stays open until a whole minute has passed with a bearable share. `now` is a monotonic clock. */
export function createDeletionBreaker(
  notice: (line: string) => void = () => {},
  { share, ofAtLeast }: DeletionLimits = limitsByDefault,
  now: () => number = () => performance.now(),
): DeletionBreaker {
  let began = now()
  let current = { answers: 0, gone: 0 }
  let last = { answers: 0, gone: 0 }
  let open = false
  const tooMany = ({ answers, gone }: typeof current): boolean => answers >= ofAtLeast && gone / answers > share
  const turn = (): void => {
    const passed = now() - began
    if (passed < minuteMs) return
    last = passed < 2 * minuteMs ? current : { answers: 0, gone: 0 }
    current = { answers: 0, gone: 0 }
    began = now()
    if (open && !tooMany(last)) open = false
  }
  return {
    count(gone) {
      turn()
      current.answers++
      if (gone) current.gone++
      const both = { answers: current.answers + last.answers, gone: current.gone + last.gone }
      if (open || !(tooMany(current) || tooMany(both))) return
      open = true
      notice(`${both.gone} of ${both.answers} subscriptions called dead within a minute: deleting none until that ends`)
    },
    mayDelete() {
      turn()
      return !open
    },
  }
}
