import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NextBestOffer } from '@offerstream/contracts'
import type { Steady } from './book.ts'
import { answerOf, type Door, isDue, keepsUntil, refusalOf } from './door.ts'
import { type Contacted, commit, refund } from './ledger.ts'
import type { Message } from './providers/provider.ts'
import type { Setup } from './setup.ts'
import type { Subscription } from './subscriptions.ts'
import type { Candidate, Wave } from './wave.ts'

/** An offer whose intent is saved, with where it may go. */
export type Sendable = Candidate & {
  readonly targets: readonly Subscription[]
  readonly contact: Contacted
  /** An owner before us may have sent it: whatever becomes of this try, it may be there. */
  readonly mayBeThere?: boolean
}

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
        const tried = await send({ ...sending, leaving }, each)
        const outcome = each.mayBeThere && tried.to === 'rejected' ? { ...tried, to: 'unknown' as const } : tried
        const { customer } = each.offer
        const ledger = wave.ledgers.get(customer)!
        const at = now()
        wave.put(customer, outcome.to === 'rejected' ? refund(ledger, each.contact) : commit(ledger, each.contact, at))
        const zone = wave.contacts.get(customer)?.zone
        const isCounted = outcome.to !== 'rejected' && zone !== undefined && !isDue(each.offer)
        wave.advance(each.offer, { ...outcome, at, hour: isCounted ? setup.quiet.hourAt(zone, at) : null })
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
  readonly provider: string | null
}

/** A doubtful address is left alone for so long. */
const parkedMs = 24 * 60 * 60 * 1000

/** Tries one address after the other until one has it: an offer is for a customer, not for each of their devices. */
async function send(sending: Sending, { offer, targets }: Sendable): Promise<Outcome> {
  const { setup, door, wave, now, steady, leaving, ended } = sending
  const { gates, playbook, subscriptions, deletions, metrics } = setup
  const collapseId = collapseIdOf(offer.id)
  const message = messageOf(offer, setup)
  let last: Outcome = { to: 'rejected', reason: 'no-subscription', device: null, provider: null }
  for (const target of targets) {
    const { handle, address } = target
    const provider = gates.provider(address.kind)!
    const outcome = (to: Outcome['to'], reason: string | null): Outcome => ({ to, reason, device: handle, provider })
    for (let failures = 0; ; ) {
      await setup.reach('before-send')
      await sending.assertChecked()
      const { customer } = offer
      const refusal =
        answerOf(offer, wave.ledgers.get(customer)!) ??
        refusalOf(offer, wave.contacts.get(customer) ?? null, door, now())
      // No device refused it: nothing failed that another channel would have to make up for.
      const kept = (reason: string): Outcome => ({ to: 'rejected', reason, device: null, provider })
      if (refusal !== null) return kept(refusal.kind === 'hold' ? 'quiet-hours' : refusal.reason)
      const switched = playbook.killed(offer, provider)
      if (switched !== null) {
        last = kept(switched)
        break
      }
      const until = keepsUntil(offer, wave.contacts.get(customer)!, door, now())
      const ttlSeconds = Math.floor((until - now()) / 1000)
      const request = { address, handle, message, ttlSeconds, collapseId, urgency: 'normal' as const }
      const answer = await gates.send(request, ended, failures > 0)
      await setup.reach('after-send')
      const isAsked = answer.kind !== 'shut' && answer.kind !== 'limited'
      if (isAsked) {
        metrics?.record('offerstream_pushes_total', 1, provider, answer.kind)
        deletions.count(answer.kind === 'gone')
      }
      if (answer.kind === 'accepted') return outcome('accepted', null)
      if (answer.kind === 'unknown') return outcome('unknown', answer.reason)
      if (answer.kind === 'refused' || answer.kind === 'our-key') return outcome('rejected', answer.reason)
      if (answer.kind === 'gone') {
        // Who registered anew since the provider saw the last of it is alive.
        const dead = answer.since === null || target.at < answer.since
        if (dead && deletions.mayDelete()) await steady(() => subscriptions.remove(offer.customer, handle, target.id))
        break
      }
      if (answer.kind === 'doubtful') {
        await steady(() => subscriptions.park(offer.customer, handle, target.id, now() + parkedMs))
        last = outcome('rejected', answer.reason)
        break
      }
      // Definitely not accepted: only who may stay tries again.
      const growing = isAsked ? Math.min(longestPauseMs, firstPauseMs * 2 ** failures++) : firstPauseMs
      const pauseMs = answer.kind === 'shut' ? 0 : growing
      // A limit of ours lets it through soon: whoever leaves waits for that.
      const patience = answer.kind === 'limited' ? ended : leaving
      const isGivenUp = (): boolean => gates.away(address)?.isGivenUp ?? false
      try {
        await sleep(Math.random() * pauseMs, undefined, { signal: patience })
        while (!gates.isOpen(address) && offer.expiresAt > now() && !isGivenUp())
          await gates.opens(address, 1000, patience)
      } catch {
        return outcome('rejected', 'provider-unavailable')
      }
      if (isGivenUp()) {
        last = outcome('rejected', 'endpoint-unavailable')
        break
      }
    }
  }
  return last
}

/** At most 32 characters of base64url, the same for every try of one offer. */
const collapseIdOf = (offer: string): string => createHash('sha256').update(offer).digest('base64url').slice(0, 32)

function messageOf(offer: NextBestOffer, { links }: Setup): Message {
  const { id, item, kind, brand, text, locale, priceMinor, currency, expiresAt } = offer
  return {
    offer: id,
    item,
    kind,
    title: brand,
    text,
    locale,
    priceMinor,
    currency,
    expiresAt,
    ...(links?.of(offer) ?? { link: null, unsubscribe: null }),
  }
}
