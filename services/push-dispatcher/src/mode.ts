// How far a dispatcher goes. Only a live one reaches anybody, and one whose clock is not the wall's, as in a replay or a
// demo, reaches nobody outside this machine.
import { type Clock, Refused } from '@offerstream/streaming'
import { isLoopback } from './address.ts'
import type { AnyProvider, Provider } from './providers/provider.ts'

/**
 * `off` reads nothing. `dry-run` does everything but call a provider: what would be sent is suppressed, and counts against
 * no cap. `shadow` goes all the way, caps included, to a provider that accepts and sends nothing. `live` sends.
 */
export const modes = ['off', 'dry-run', 'shadow', 'live'] as const
export type Mode = (typeof modes)[number]

export const isMode = (text: string): text is Mode => (modes as readonly string[]).includes(text)

const driftMs = 60_000

/** Whether the clock shows another time than the wall does. */
export const isVirtual = (clock: Clock, wall: () => number = Date.now): boolean =>
  Math.abs(clock.now() - wall()) > driftMs

/** Throws `Refused` for a live dispatcher on a clock of its own, unless whoever starts it knows that its devices are local. */
export function assertMayBe(mode: Mode, clock: Clock, localDevices: boolean): void {
  if (mode !== 'live' || localDevices || !isVirtual(clock)) return
  throw new Refused(
    `push-dispatcher: its clock shows ${new Date(clock.now()).toISOString()}, the wall ${new Date().toISOString()}: what is ` +
      'replayed or simulated is never pushed live. OFFERSTREAM_PUSH_MODE=shadow or dry-run shows what would be; ' +
      'OFFERSTREAM_PUSH_LOCAL_DEVICES=true pushes to addresses of this machine alone',
  )
}

/** Whether an origin, or a host and port, is this machine. */
export function isLocal(origin: string): boolean {
  const url = origin.includes('://') ? origin : `tcp://${origin}`
  return URL.canParse(url) && isLoopback(new URL(url).hostname)
}

/** Stands in the place of a provider, sends nothing, and says so by its name. */
export function shadowOf(provider: AnyProvider): AnyProvider {
  const { takes, name } = provider as Provider
  const shadow: Provider = {
    name: `shadow-${name}`,
    takes,
    origin: address => (provider as Provider).origin(address),
    send: async () => ({ kind: 'accepted' }),
    close: () => provider.close?.(),
  }
  return shadow as AnyProvider
}
