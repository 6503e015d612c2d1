import type { Random } from '../random.ts'
import type { Shoppers } from './discounts.ts'
import type { Market } from './market.ts'
import type { PackageTaste } from './packages.ts'
import type { PlanPolicy } from './policies.ts'
import type { Sales } from './sales.ts'
import type { Table } from './table.ts'
import type { marketTopics, OracleTable, oracleTables } from './topics.ts'

export type PlayOptions = {
  readonly months: number
  /** Numbers of the customers that are played, up to but not including the second; all unless told. Nobody's month hangs on another's. */
  readonly range?: readonly [from: number, to: number]
  /** Share of plan offers drawn at random from the eligible ones. */
  readonly exploration?: number
  /** Picks the plan that is offered where chance does not; the ladder rule unless told. */
  readonly policy?: PlanPolicy
  /** Sends a month to those who consent. */
  readonly pushesPerMonth?: number
  /** Shares of events that come late (up to six hours) and twice (up to an hour after). */
  readonly lateShare?: number
  readonly repeatShare?: number
  /** Rows a batch holds at most, per topic. */
  readonly batchRows?: number
}

/** What happened to some customers in one month. The tables are used again: read them before the next batch. */
export type Batch = {
  readonly month: number
  readonly topics: { readonly [Topic in keyof typeof marketTopics]: Table<(typeof marketTopics)[Topic]> }
  readonly oracle: { readonly [Name in OracleTable]: Table<(typeof oracleTables)[Name]> }
}

/** Everything of a market that moves while it is played. */
export type Play = {
  readonly market: Market
  readonly batch: Batch
  readonly random: Random
  readonly arrival: Random
  readonly shoppers: Shoppers
  readonly packages: PackageTaste
  /** Favourite sale category. */
  readonly favourite: Uint8Array
  readonly fatigue: Float32Array
  readonly settings: Required<PlayOptions>
  // Of the month.
  readonly monthStart: number
  readonly cumulated: readonly Float64Array[]
  readonly sales: readonly Sales[]
}
