// Doubles of services that are not to be had here: they speak the documented protocol over the wire and answer as told.
import type { Address, AddressKind } from '../../src/address.ts'
import type { AnyProvider } from '../../src/index.ts'

/** What is answered to the next message instead of taking it. */
export type Scripted =
  | { readonly status: number; readonly body?: object; readonly headers?: Readonly<Record<string, string>> }
  /** Taken, then the connection breaks. */
  | 'reset-after-accept'
  /** Never answered. */
  | 'silence'

export type AnyDouble = { readonly [Kind in AddressKind]: Double<Kind> }[AddressKind]

export type Double<Kind extends AddressKind> = {
  readonly address: Extract<Address, { readonly kind: Kind }>
  provider(options?: { readonly timeoutMs?: number }): Extract<AnyProvider, { readonly takes: Kind }>
  script(answer: Scripted): void
  /** Text and collapse id of what was taken. */
  readonly taken: readonly { readonly text: string; readonly id: string }[]
  /** The answer that says that the address is dead, as the protocol has it. */
  readonly gone: Scripted
  /** Stops listening; what is asked now finds nobody. */
  close(): Promise<void>
}
