import type { Customer, Rejection } from '@offerstream/contracts'
import type { Cells } from './aggregations/aggregation.ts'
import type { Remembered } from './remembered.ts'

/** What the newest profile says; `source` is the hash of its event's id, which orders equal times. */
export type Profile = Omit<Customer, 'type' | 'id' | 'customer'> & {
  readonly source: number
  /** Data the plan includes; none means unlimited or unknown. */
  readonly quotaKb: number | null
}

/** All that is known of a customer. Never changed in place: steps share what they leave alone. */
export type State = {
  /** The newest moment an event spoke of; 0 before the first. */
  readonly at: number
  readonly profile: Profile | null
  /** Newest first, one per item. */
  readonly rejections: readonly Rejection[]
  /** When each kind of trigger fired last. */
  readonly fired: Readonly<Record<string, number>>
  readonly remembered: Remembered
  /** In the order of the layout. */
  readonly series: readonly Cells[]
}
