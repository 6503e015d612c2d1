// Between the dispatcher and a provider: one breaker and one pause per origin, and the stop for a wrong key.
import { setTimeout as sleep } from 'node:timers/promises'
import CircuitBreaker from 'opossum'
import type { Answer, Provider, PushRequest } from './provider.ts'

export type GateOptions = {
  /** How long an open breaker waits before it tries again, milliseconds. */
  readonly resetMs?: number
  readonly notice?: (line: string) => void
  readonly observe?: (answer: Answer['kind'], seconds: number) => void
}

export type Gate = {
  readonly provider: string
  /** Whether a request would be let through now. */
  isOpen(origin: string): boolean
  /** Resolves when it would, or after `atMostMs`; rejects with the signal. */
  opens(origin: string, atMostMs: number, signal: AbortSignal): Promise<void>
  /** What the provider answered, or that it was not asked. */
  send(request: PushRequest, signal: AbortSignal): Promise<Answer | { readonly kind: 'shut' }>
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

type Origin = { readonly breaker: CircuitBreaker<[PushRequest, AbortSignal], Answer>; pausedUntil: number }

const pollMs = 20

export function createGate(provider: Provider, options: GateOptions = {}): Gate {
  const { resetMs = 5000, notice = () => {}, observe } = options
  const origins = new Map<string, Origin>()
  let stop: string | null = null

  const call = async (request: PushRequest, signal: AbortSignal): Promise<Answer> => {
    const began = performance.now()
    const answer = await provider.send(request, signal)
    observe?.(answer.kind, (performance.now() - began) / 1000)
    if (answer.kind !== 'accepted') throw new Answered(answer)
    return answer
  }
  const originOf = (name: string): Origin => {
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
      origin = { breaker, pausedUntil: 0 }
      origins.set(name, origin)
    }
    return origin
  }
  const isOpen = (name: string): boolean => {
    const { breaker, pausedUntil } = originOf(name)
    return stop === null && performance.now() >= pausedUntil && (breaker.closed || breaker.pendingClose)
  }

  return {
    provider: provider.name,
    isOpen,
    async opens(name, atMostMs, signal) {
      const until = performance.now() + atMostMs
      while (!isOpen(name) && performance.now() < until) await sleep(pollMs, undefined, { signal })
    },
    async send(request, signal) {
      const name = new URL(request.subscription.endpoint).origin
      if (!isOpen(name)) return { kind: 'shut' }
      const origin = originOf(name)
      const answer = await origin.breaker
        .fire(request, signal)
        .catch((error: unknown): Answer | { readonly kind: 'shut' } => {
          if (error instanceof Answered) return error.answer
          if ((error as { code?: string }).code === 'EOPENBREAKER') return { kind: 'shut' }
          throw error
        })
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
