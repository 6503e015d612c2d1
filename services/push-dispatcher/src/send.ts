import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NextBestOffer } from '@offerstream/contracts'
import type { Steady } from './book.ts'
import { type Door, refusalOf } from './door.ts'
import { type Contacted, refund } from './ledger.ts'
import type { Setup } from './setup.ts'
import type { DeviceSubscription } from './subscriptions.ts'
import type { Candidate, Wave } from './wave.ts'

export type Target = { readonly handle: string; readonly subscription: DeviceSubscription }

/** An offer whose intent is saved, with the devices it may go to. */
export type Sendable = Candidate & { readonly targets: readonly Target[]; readonly contact: Contacted }

export type Sending = {
  readonly setup: Setup
  readonly door: Door
  readonly wave: Wave
  now(): number
  readonly steady: Steady
  /** Makes sure that the last check is recent enough; throws when the partition is lost. */
  assertChecked(): Promise<void>
  /** Nobody waits for the provider any more. */
  readonly leaving: AbortSignal
  /** A request under way is given up. */
  readonly ended: AbortSignal
}

const firstPauseMs = 100
const longestPauseMs = 5000

export const originOf = ({ subscription }: Target): string => new URL(subscription.endpoint).origin

/** Sends each offer to one device and moves its entry to what came of it; saving is the caller's. */
export async function sendAll(sending: Sending, sendable: readonly Sendable[]): Promise<void> {
  const { setup, wave, now } = sending
  // A crash of one stops the others where they are.
  const crashed = new AbortController()
  const leaving = AbortSignal.any([sending.leaving, crashed.signal])
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < sendable.length && !crashed.signal.aborted) {
      const each = sendable[next++]!
      try {
        const outcome = await send({ ...sending, leaving }, each)
        const { customer } = each.offer
        if (outcome.to === 'rejected') wave.put(customer, refund(wave.ledgers.get(customer)!, each.contact))
        wave.advance(each.offer, { ...outcome, at: now() })
      } catch (error) {
        crashed.abort()
        throw error
      }
    }
  }
  const workers = Array.from({ length: Math.min(setup.concurrency, sendable.length) }, worker)
  for (const result of await Promise.allSettled(workers)) if (result.status === 'rejected') throw result.reason
}

type Outcome = {
  readonly to: 'accepted' | 'rejected' | 'unknown'
  readonly reason: string | null
  readonly device: string | null
}

/** Tries one device after the other until one has it: an offer is for a customer, not for each of their devices. */
async function send(sending: Sending, { offer, targets }: Sendable): Promise<Outcome> {
  const { setup, door, wave, now, steady, leaving, ended } = sending
  const { gate, subscriptions, deletions, metrics } = setup
  const rejected = (reason: string, device: string | null = null): Outcome => ({ to: 'rejected', reason, device })
  const collapseId = collapseIdOf(offer.id)
  const payload = payloadOf(offer, collapseId)
  for (const target of targets) {
    const { handle, subscription } = target
    for (let failures = 0; ; ) {
      await setup.reach('before-send')
      await sending.assertChecked()
      const refusal = refusalOf(offer, wave.contacts.get(offer.customer) ?? null, door, now())
      if (refusal !== null) return rejected(refusal.kind === 'hold' ? 'quiet-hours' : refusal.reason)
      const ttlSeconds = Math.max(1, Math.floor((offer.expiresAt - now()) / 1000))
      const answer = await gate.send({ subscription, payload, ttlSeconds, collapseId, urgency: 'normal' }, ended)
      await setup.reach('after-send')
      metrics?.record('offerstream_pushes_total', 1, gate.provider, answer.kind)
      if (answer.kind !== 'shut') deletions.count(answer.kind === 'gone')
      if (answer.kind === 'accepted') return { to: 'accepted', reason: null, device: handle }
      if (answer.kind === 'unknown') return { to: 'unknown', reason: answer.reason, device: handle }
      if (answer.kind === 'refused' || answer.kind === 'our-key') return rejected(answer.reason, handle)
      if (answer.kind === 'gone') {
        if (deletions.mayDelete()) await steady(() => subscriptions.remove(handle, subscription.endpoint))
        break
      }
      // Definitely not accepted: only who may stay tries again.
      const pauseMs = answer.kind === 'shut' ? 0 : Math.min(longestPauseMs, firstPauseMs * 2 ** failures++)
      try {
        await sleep(Math.random() * pauseMs, undefined, { signal: leaving })
        while (!gate.isOpen(originOf(target)) && offer.expiresAt > now())
          await gate.opens(originOf(target), 1000, leaving)
      } catch {
        return rejected('provider-unavailable', handle)
      }
    }
  }
  return rejected('no-subscription')
}

/** At most 32 characters of base64url, the same for every try of one offer. */
const collapseIdOf = (offer: string): string => createHash('sha256').update(offer).digest('base64url').slice(0, 32)

/** What the device gets: no word of who the customer is. */
function payloadOf(offer: NextBestOffer, tag: string): string {
  const { id, item, kind, text, locale, priceMinor, currency, expiresAt } = offer
  return JSON.stringify({ offer: id, item, kind, text, locale, priceMinor, currency, expiresAt, tag })
}
