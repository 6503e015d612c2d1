import type { Customer, Rejection } from '@offerstream/contracts'
import type { Cells } from './forms/form.ts'
import type { Remembered } from './remembered.ts'
import type { Watch } from './watch.ts'

/** What the newest profile says in numbers; the words stay packed until an update needs them. */
export type Profile = Pick<Customer, 'at' | 'customerSince' | 'bindingEndsAt' | 'monthlyChargeMinor'> & {
  /** Hash of its event's id, orders equal times. */
  readonly source: number
  /** Data the plan includes; none means unlimited or unknown. */
  readonly quotaKb: number | null
  /** Everything else as Avro, see profile.ts. */
  readonly words: Buffer
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
  /** What triggers remember besides; kept by `fire`. */
  readonly watch: Watch
  readonly remembered: Remembered
  /** In the order of the layout. */
  readonly series: readonly Cells[]
}
