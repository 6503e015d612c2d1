// Between the dispatcher and its providers: a breaker, a pause and a pace per origin, a budget of retries per provider, the
// stop for a wrong key, and what may leave this machine at all.
import { setTimeout as sleep } from 'node:timers/promises'
import CircuitBreaker from 'opossum'
import type { Address, AddressKind } from '../address.ts'
import { isLocal } from '../mode.ts'
import type { VolumeBreaker } from '../volume-breaker.ts'
import type { Answer, AnyProvider, Provider, PushRequest } from './provider.ts'
import { createRetryBudget, type RetryLimits } from './retry-budget.ts'
import { createTokenBucket, type TokenBucket } from './token-bucket.ts'

export type GateOptions = {
  /** How long an open breaker waits before it tries again, milliseconds. */
  readonly resetMs?: number
  /** How long an endpoint of a customer's own may fail before it is given up, milliseconds; 30 seconds unless given. */
  readonly patienceMs?: number
  readonly notice?: (line: string) => void
  readonly observe?: (answer: Answer['kind'], seconds: number) => void
  /** Requests a second to one origin; without limit where it answers null. */
  readonly rate?: (origin: string) => number | null
  readonly retries?: RetryLimits
  /** Shared by all providers. */
  readonly volume?: VolumeBreaker
  /** Whether only addresses of this machine may be called now. */
  readonly localOnly?: () => boolean
}

/**
 * Not asked: `shut` while the provider is unwell or stopped, `limited` while we would be too fast or try again too often.
 */
type NotAsked = { readonly kind: 'shut' | 'limited' }

/** An endpoint of a customer's own that does not take what it is sent. */
type Away = {
  readonly origin: string
  /** Since its first failure, milliseconds. */
  readonly forMs: number
  /** Whoever is on the way there waits no longer. */
  readonly isGivenUp: boolean
  /** Once it lets somebody through, that is one who looks whether it is back. */
  readonly takesOne: boolean
}

/** The gates of all providers, by the kind of address. */
export type Gates = {
  /** Who sends to addresses of the kind, null for nobody. */
  provider(kind: AddressKind): string | null
  isOpen(address: Address): boolean
  /** Resolves when it would be let through, or after `atMostMs`; rejects with the signal. */
  opens(address: Address, atMostMs: number, signal: AbortSignal): Promise<void>
  /** Null while it answers, and for whatever all customers share. */
  away(address: Address): Away | null
  send(request: PushRequest, signal: AbortSignal, isRetry?: boolean): Promise<Answer | NotAsked>
  /** Why a provider is not called any more, null while all are. */
  stopped(): string | null
  close(): void
}

/** Throws where two providers take the same kind of address. */
export function createGates(providers: readonly AnyProvider[], options: (provider: string) => GateOptions): Gates {
  const gates = new Map<AddressKind, { readonly gate: Gate; readonly provider: Provider }>()
  for (const provider of providers as readonly Provider[]) {
    if (gates.has(provider.takes)) throw new Error(`two providers take addresses of kind ${provider.takes}`)
    gates.set(provider.takes, { provider, gate: createGate(provider, options(provider.name)) })
  }
  const of = (address: Address) => {
    const found = gates.get(address.kind)
    if (found === undefined) throw new Error(`no provider takes addresses of kind ${address.kind}`)
    return { ...found, origin: originOf(found.provider, address) ?? 'malformed' }
  }
  return {
    provider: kind => gates.get(kind)?.provider.name ?? null,
    isOpen(address) {
      const { gate, origin } = of(address)
      return gate.isOpen(origin)
    },
    opens(address, atMostMs, signal) {
      const { gate, origin } = of(address)
      return gate.opens(origin, atMostMs, signal)
    },
    away(address) {
      const { gate, origin } = of(address)
      return gate.away(origin)
    },
    send: (request, signal, isRetry) => of(request.address).gate.send(request, signal, isRetry),
    stopped() {
      for (const { gate, provider } of gates.values()) {
        const why = gate.stopped()
        if (why !== null) return `${provider.name} stopped: ${why}`
      }
      return null
    },
    close() {
      for (const { gate, provider } of gates.values()) {
        gate.close()
        provider.close?.()
      }
    },
  }
}

export type Gate<Kind extends AddressKind = AddressKind> = {
  /** Whether a request would be let through now. */
  isOpen(origin: string): boolean
  /** Resolves when it would, or after `atMostMs`; rejects with the signal. */
  opens(origin: string, atMostMs: number, signal: AbortSignal): Promise<void>
  /** Null while it answers, and for whatever all customers share. */
  away(origin: string): Away | null
  /** What the provider answered, or that it was not asked. */
  send(request: PushRequest<Kind>, signal: AbortSignal, isRetry?: boolean): Promise<Answer | NotAsked>
  /** Why nothing is sent any more, null while all is well. */
  stopped(): string | null
  close(): void
}

/** An answer on its way through the breaker, which knows failures only as errors. */
class Answered extends Error {
  override name = 'Answered'
  readonly answer: Answer
  constructor(answer: Answer) {
    super(answer.kind)
    this.answer = answer
  }
}

/** A dead address, a wrong key or a storm of ours is not the provider being unwell. */
const isOurs = (error: unknown): boolean =>
  error instanceof Answered && error.answer.kind !== 'unavailable' && error.answer.kind !== 'unknown'

/** Not a word on the message itself. */
const noWord: ReadonlySet<string> = new Set<Answer['kind']>(['busy', 'unavailable', 'unknown'])

type Origin<Kind extends AddressKind> = {
  readonly breaker: CircuitBreaker<[PushRequest<Kind>, AbortSignal], Answer>
  readonly bucket: TokenBucket
  pausedUntil: number
  /** The first and the last failure since it answered. */
  fails: { readonly since: number; readonly until: number } | null
}

/** A failure so long ago says nothing of today. */
const forgottenMs = 30 * 60_000

const recentFails = ({ fails }: Pick<Origin<AddressKind>, 'fails'>, now: number) =>
  fails === null || now - fails.until > forgottenMs ? null : fails

const pollMs = 20

/** Null where the address has none: it was checked when it was registered, and may have been changed since. */
function originOf<Kind extends AddressKind>(
  provider: Provider<Kind>,
  address: Extract<Address, { readonly kind: Kind }>,
): string | null {
  try {
    return provider.origin(address)
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}

export function createGate<Kind extends AddressKind>(provider: Provider<Kind>, options: GateOptions = {}): Gate<Kind> {
  const { resetMs = 5000, patienceMs = 30_000, notice = () => {}, observe, rate = () => null } = options
  const { retries, volume, localOnly } = options
  const budget = createRetryBudget(retries)
  const origins = new Map<string, Origin<Kind>>()
  let stop: string | null = null

  const call = async (request: PushRequest<Kind>, signal: AbortSignal): Promise<Answer> => {
    const began = performance.now()
    const answer = await provider.send(request, signal)
    observe?.(answer.kind, (performance.now() - began) / 1000)
    if (answer.kind !== 'accepted') throw new Answered(answer)
    return answer
  }
  const stateOf = (name: string): Origin<Kind> => {
    let origin = origins.get(name)
    if (origin === undefined) {
      // No time-out here: an abandoned request must be aborted too, which the provider does for each one by itself.
      const breaker = new CircuitBreaker(call, {
        name: `${provider.name} ${name}`,
        timeout: false,
        resetTimeout: resetMs,
        errorThresholdPercentage: 50,
        volumeThreshold: 5,
        errorFilter: isOurs,
        rollingPercentilesEnabled: false,
        enableSnapshots: false,
      })
      breaker.on('open', () => notice(`${provider.name} at ${name} fails: pausing`))
      breaker.on('close', () => notice(`${provider.name} at ${name} answers again`))
      origin = { breaker, bucket: createTokenBucket(() => rate(name)), pausedUntil: 0, fails: null }
      origins.set(name, origin)
    }
    return origin
  }
  const isOpen = (name: string): boolean => {
    const { breaker, bucket, pausedUntil } = stateOf(name)
    const isWell = stop === null && performance.now() >= pausedUntil && (breaker.closed || breaker.pendingClose)
    return isWell && (volume?.maySend() ?? true) && bucket.hasToken()
  }

  return {
    isOpen,
    async opens(name, atMostMs, signal) {
      const until = performance.now() + atMostMs
      while (!isOpen(name) && performance.now() < until) await sleep(pollMs, undefined, { signal })
    },
    away(name) {
      if (!provider.isOwnEndpoint) return null
      const origin = stateOf(name)
      const now = performance.now()
      const fails = recentFails(origin, now)
      if (fails === null) return null
      const forMs = now - fails.since
      return { origin: name, forMs, isGivenUp: forMs > patienceMs, takesOne: !origin.breaker.closed }
    },
    async send(request, signal, isRetry = false) {
      const name = originOf(provider, request.address)
      if (name === null) return { kind: 'refused', reason: 'malformed-subscription' }
      if (localOnly?.() && !isLocal(name)) return { kind: 'refused', reason: 'virtual-clock' }
      const origin = stateOf(name)
      if (!origin.bucket.hasToken()) return { kind: 'limited' }
      if (!isOpen(name)) return { kind: 'shut' }
      if (isRetry && !budget.mayRetry()) return { kind: 'limited' }
      if (volume?.take() === false) return { kind: 'shut' }
      origin.bucket.take()
      budget.count(isRetry)
      const answer = await origin.breaker.fire(request, signal).catch((error: unknown): Answer | NotAsked => {
        if (error instanceof Answered) return error.answer
        if ((error as { code?: string }).code === 'EOPENBREAKER') return { kind: 'shut' }
        throw error
      })
      if (noWord.has(answer.kind)) {
        const until = performance.now()
        origin.fails = { since: recentFails(origin, until)?.since ?? until, until }
      } else if (answer.kind !== 'shut') origin.fails = null
      if ((answer.kind === 'busy' || answer.kind === 'unavailable') && answer.retryAfterMs !== null)
        origin.pausedUntil = Math.max(origin.pausedUntil, performance.now() + answer.retryAfterMs)
      if (answer.kind === 'our-key' && stop === null) {
        stop = answer.reason
        notice(`${provider.name} refuses our key (${answer.reason}): nothing more is sent, no subscription is deleted`)
      }
      return answer
    },
    stopped: () => stop,
    close() {
      for (const { breaker } of origins.values()) breaker.shutdown()
    },
  }
}
