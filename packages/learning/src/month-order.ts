/** Places to go to, in the order of their moments; equal moments in the order in which they were put. Used again for each customer. */
export type MonthOrder = {
  readonly count: number
  /** Kind and place of the nth. */
  readonly kinds: ArrayLike<number>
  readonly places: ArrayLike<number>
  clear(): void
  put(at: number, kind: number, place: number): void
}

export function createMonthOrder(): MonthOrder {
  const [moments, kinds, places]: [number[], number[], number[]] = [[], [], []]
  let count = 0
  return {
    get count() {
      return count
    },
    kinds,
    places,
    clear() {
      count = 0
    },
    // By insertion: a customer has about a dozen, and each topic's are nearly in order.
    put(at, kind, place) {
      let k = count++
      for (; k > 0 && moments[k - 1]! > at; k--) {
        moments[k] = moments[k - 1]!
        kinds[k] = kinds[k - 1]!
        places[k] = places[k - 1]!
      }
      moments[k] = at
      kinds[k] = kind
      places[k] = place
    },
  }
}
