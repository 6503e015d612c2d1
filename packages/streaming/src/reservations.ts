// What there is only so much of, shared by every member of every service. The promise: what is held and kept of a resource
// never exceeds its limit by a grant, and what is given back or lapses can be had again.

/** One decision's wish for a resource. */
export type Ask = { readonly id: string; readonly amount: number }

export type Keep = Ask & {
  /** How long after this a release may still come, milliseconds; then the id is forgotten and its amount stays taken. */
  readonly forMs: number
}

export type Totals = {
  /** Granted and not yet kept, given back or lapsed. */
  readonly held: number
  /** Kept and not given back. */
  readonly kept: number
}

/**
 * Names of resources and ids are any text; amounts are whole numbers of at least 0. Moments are those of the server, so
 * that the clocks of its callers do not matter. Every call throws `Transient` when the store cannot serve it, and may then
 * be made again.
 */
export type Reservations = {
  /**
   * Grants in order what stays within the limit. An id asked for again gets the answer it got: a grant is held anew for
   * `lapseMs`, a refusal stands until it lapses. Many may be served in several steps, between which others are served.
   */
  reserve(
    resource: string,
    limit: number,
    asks: readonly Ask[],
    lapseMs: number,
  ): Promise<{ readonly granted: readonly boolean[]; readonly totals: Totals }>
  /**
   * Keeps what was granted, for good unless it is released. What lapsed before is taken again, over the limit if need be,
   * since it was promised; answers how many of those there were. What was released stays so.
   */
  keep(resource: string, keeps: readonly Keep[]): Promise<number>
  /** Gives back what the ids hold or keep. Each is remembered for `rememberMs`, so that a later `keep` does not take it again; one that has nothing changes nothing. */
  release(resource: string, ids: readonly string[], rememberMs: number): Promise<void>
  totals(resource: string): Promise<Totals>
  /** How many ids are remembered: what memory hangs on. */
  remembered(resource: string): Promise<number>
}

/** The amounts of asks; one that no counter can hold exactly is a bug of the caller. */
export function wholeAmounts<Wish extends Ask>(wishes: readonly Wish[]): readonly Wish[] {
  for (const { amount } of wishes)
    if (!Number.isSafeInteger(amount) || amount < 0)
      throw new TypeError(`an amount of ${amount} cannot be reserved, wanted a whole number of at least 0`)
  return wishes
}

/** How a remembered id stands. */
export type ReservationState = 'held' | 'kept' | 'refused' | 'released'
