const slots = 60

export type RollingCount = {
  add(): void
  /** Of the last window; never too few, up to a sixtieth of a window more. */
  count(): number
}

/** How often something happened within a window that moves on. `now` is a monotonic clock, milliseconds. */
export function createRollingCount(windowMs: number, now: () => number = () => performance.now()): RollingCount {
  const slotMs = windowMs / slots
  // One more than the window has: the slot that began before it ends within it.
  const counts = new Array<number>(slots + 1).fill(0)
  let newest = Math.floor(now() / slotMs)
  let sum = 0
  const turn = (): void => {
    const slot = Math.floor(now() / slotMs)
    for (let passed = Math.max(newest + 1, slot - slots); passed <= slot; passed++) {
      sum -= counts[passed % (slots + 1)]!
      counts[passed % (slots + 1)] = 0
    }
    newest = Math.max(newest, slot)
  }
  return {
    add() {
      turn()
      counts[newest % (slots + 1)]!++
      sum++
    },
    count() {
      turn()
      return sum
    },
  }
}
