// One partition of `next-best-offers`, from record to device. The order that makes a push at most once: save the intent
// (state `sending`) with its delivery, publish that, call the provider, save the outcome with its delivery, publish that.
// A push whose owner died in between is `unknown` and never sent again, unless its category is sent at least once: then it
// is sent again under the same collapse id.
import type { NextBestOffer } from '@offerstream/contracts'
import {
  Abandoned,
  type Answer,
  checkCause,
  deadLetter,
  done,
  type LaneWork,
  type Message,
  type Outcome,
  Refused,
  read,
  reject,
  skip,
  steadily,
} from '@offerstream/streaming'
import { type Address, addressKinds, channelOf } from './address.ts'
import { type Book, type Intent, Lost, openBook, type Steady } from './book.ts'
import { capsLookBackTo, type Door, isDue, judge, suppress, type Verdict } from './door.ts'
import { forget } from './facts.ts'
import { createHearing, reportedBy } from './hearing.ts'
import {
  type Contacted,
  commit,
  enter,
  hasContact,
  holdLonger,
  isKnown,
  isLive,
  type LedgerState,
  refund,
  reserve,
} from './ledger.ts'
import { type Sendable, type Sending, sendAll } from './send.ts'
import { chooseMoment } from './send-hour.ts'
import { type Setup, serviceName } from './setup.ts'
import type { Subscription } from './subscriptions.ts'
import type { Candidate, Wave } from './wave.ts'

/** A check older than this is made again before anything is sent. */
const checkHoldsMs = 500
const dueLimit = 200
const duePollMs = 250
/** What the journal says of offers that are out can wait a little. */
const hearEveryMs = 1000
/** An endpoint that is away is looked at again after as long as it has been, within these, and up to as long again. */
const shortestAwayMs = 5000
const longestAwayMs = 10 * 60_000
/** How long what is under way may go on after the partition was taken away or the service told to stop. */
const endsWithinMs = 3000

export type DispatchLane = LaneWork & {
  close(): void
  /** Tells the ledger at once what the journal says by now; answers whether that changed it. */
  hear(): Promise<boolean>
}

export async function openLane(
  setup: Setup,
  partition: number,
  committed: number | null,
  given: AbortSignal,
  fail: (error: unknown) => void,
): Promise<DispatchLane> {
  const { log, offers, gates, playbook, guards, waveOffers } = setup
  const now = (): number => Math.floor(setup.clock.now())
  const closing = new AbortController()
  const leaving = AbortSignal.any([given, closing.signal])
  const ended = new AbortController()
  leaving.addEventListener('abort', () => setTimeout(() => ended.abort(), endsWithinMs).unref())
  const { metrics, notice } = setup
  const steady: Steady = steadily(`${serviceName} ${offers.path}/${partition}`, {
    signal: ended.signal,
    metrics,
    notice,
  })
  const door: Door = {
    get policy() {
      return playbook.policy
    },
    killed: offer => playbook.killed(offer, null),
    quiet: setup.quiet,
  }

  let book: Book
  let openedAt = 0
  /** Offset after the last record handled. */
  let position = 0
  const open = async (): Promise<void> => {
    book = await openBook(setup, partition, committed, steady)
    openedAt = now()
    const [held, ends] = await steady(() => Promise.all([log.bounds(setup.journal.path), log.bounds(offers.path)]))
    hearing.open(book, held[partition]!, ends[partition]!.next)
    await recover(ends[partition]!.next)
    await settleInterrupted()
    position = book.start
    hearing.handled(position)
    await hearing.hear()
  }

  const channels = new Set(addressKinds.filter(kind => gates.provider(kind) !== null).map(kind => channelOf[kind]))
  const refusalOfRecord = (
    offer: NextBestOffer,
    message: Message,
  ): Exclude<Outcome<never>, { kind: 'done' }> | null => {
    if (offer.customer !== message.key) return reject('wrong-key')
    return channels.has(offer.channel) ? null : skip('other-channel')
  }

  const offerOf = async (bytes: Buffer): Promise<NextBestOffer> => {
    await steady(() => offers.codec.learn([bytes]))
    return offers.codec.decode(bytes)
  }

  const hearing = createHearing({ setup, partition, now, steady, offerOf, leaving })

  let checkedAt = Number.NEGATIVE_INFINITY
  let checking: Promise<void> | null = null
  /** Brings up to date whatever may forbid a push: ownership, playbook, consent, what the customer did. */
  const check = (wave: Wave, candidates: readonly Candidate[]): Promise<void> => {
    const look = async (): Promise<void> => {
      const began = performance.now()
      await steady(() => playbook.refresh())
      const customers = [...new Set(candidates.map(each => each.offer.customer))]
      const [contacts] = await Promise.all([
        steady(() => setup.contacts.of(partition, customers, ended.signal)),
        hearing.hearFor(wave),
      ])
      wave.contacts = contacts
      await book.assertOwned()
      checkedAt = began
    }
    checking ??= look().finally(() => {
      checking = null
    })
    return checking
  }

  /**
   * Where the store fell back behind the deliveries: what waits in the ledger and went out goes on as they say, and what
   * the ledger lacks and went out counts against the caps before anything else is decided.
   */
  const recover = async (end: number): Promise<void> => {
    const intents = [...book.intents]
    const missing = new Set<string>()
    if (intents.length > 0) await steady(() => playbook.refresh())
    for (let from = 0; from < intents.length; from += waveOffers) {
      const some = intents.slice(from, from + waveOffers)
      const wave = book.wave()
      await book.load(
        wave,
        some.map(([, { customer }]) => customer),
      )
      for (const [id, intent] of some) {
        const entry = wave.ledgers.get(intent.customer)!.entries.find(each => each.id === id)
        if (entry === undefined) missing.add(id)
        else if (isLive(entry)) goOnAsIntended(wave, await offerOf(entry.offer!), intent)
      }
      if (wave.touched.size > 0) await book.save(wave, 'outcome')
    }
    if (missing.size === 0) return
    for await (const messages of log.read(offers.path, partition, book.start, end)) {
      await steady(() => offers.codec.learn(messages.map(message => message.value)))
      const found = messages.flatMap(message => {
        const reading = read(offers.codec, message)
        return 'value' in reading && missing.delete(reading.value.id) ? [reading.value] : []
      })
      const wave = book.wave()
      await book.load(
        wave,
        found.map(each => each.customer),
      )
      for (const offer of found) {
        reserveIntended(wave, offer, book.intents.get(offer.id)!)
        const ledger = wave.ledgers.get(offer.customer)!
        wave.put(offer.customer, { ...ledger, sequence: Math.max(ledger.sequence, offer.sequence) })
      }
      if (wave.touched.size > 0) await book.save(wave, 'outcome')
      if (missing.size === 0) return
    }
  }

  /** Once, however often it is recovered. */
  const reserveIntended = (wave: Wave, offer: NextBestOffer, { state, at: knownAt }: Intent): void => {
    // Of what has no outcome nobody knows when it went out: by now at the latest.
    const contact = contactedBy(offer, state === 'sending' ? openedAt : knownAt)
    const ledger = wave.ledgers.get(offer.customer)!
    if (state === 'rejected' || isDue(offer) || hasContact(ledger, contact)) return
    wave.put(offer.customer, reserve(ledger, contact, capsLookBackTo(playbook.policy, now())))
  }

  /** From where an offer waits to where the deliveries say that it came. */
  const goOnAsIntended = (wave: Wave, offer: NextBestOffer, intent: Intent): void => {
    reserveIntended(wave, offer, intent)
    wave.advance(offer, { to: 'sending', at: now() })
    goOnAsKnown(wave, offer, intent.state === 'sending' ? 'unknown' : intent.state)
  }

  /** What an owner before us left between intent and outcome. */
  const settleInterrupted = async (): Promise<void> => {
    for (let keys = await book.due(0, dueLimit); keys.length > 0; keys = await book.due(0, dueLimit)) {
      const wave = book.wave()
      await book.load(wave, keys)
      const again: (Candidate & { readonly contact: Contacted; readonly device: string | null })[] = []
      for (const key of keys) {
        wave.touched.add(key)
        for (const { state, offer: bytes, at: intendedAt, device } of wave.ledgers.get(key)!.entries) {
          if (state !== 'sending') continue
          const offer = await offerOf(bytes!)
          // It went out by now at the latest.
          const at = now()
          wave.put(key, commit(wave.ledgers.get(key)!, contactedBy(offer, intendedAt), at))
          // A failover may have lost what the deliveries still know.
          const known = book.intents.get(offer.id)?.state
          if (known !== undefined && known !== 'sending' && known !== 'unknown') {
            if (known === 'rejected') wave.put(key, refund(wave.ledgers.get(key)!, contactedBy(offer, at)))
            goOnAsKnown(wave, offer, known)
          } else if (setup.mode === 'live' && setup.atLeastOnce.has(offer.category))
            again.push({ offer, bytes: bytes!, contact: contactedBy(offer, at), device })
          else wave.advance(offer, { to: 'unknown', at: now(), reason: 'interrupted' })
        }
      }
      if (again.length > 0) {
        await check(wave, again)
        const found = await targetsOf(again)
        await sendAll(
          sendingOf(wave, again),
          again.map(each => {
            // Another device does not know the collapse id, and would show it a second time.
            const targets = found.get(each)!.filter(({ handle }) => handle === each.device)
            return { ...each, targets, mayBeThere: true }
          }),
        )
      }
      await book.save(wave, 'outcome')
    }
  }

  /** From `sending` to where the deliveries say that the offer came. */
  const goOnAsKnown = (wave: Wave, offer: NextBestOffer, known: LedgerState): void => {
    const isReport = known === 'displayed' || known === 'clicked'
    const path: readonly LedgerState[] = isReport ? ['accepted', ...reportedBy(known)] : [known]
    for (const to of path) wave.advance(offer, { to, at: now(), reason: 'interrupted' })
  }

  /** Reads records into the ledger; answers the offers that need a decision. */
  const admit = async (wave: Wave, messages: readonly Message[]): Promise<readonly Candidate[]> => {
    const { tally, causes } = book
    const fresh: Candidate[] = []
    for (const message of messages) {
      const reading = read(offers.codec, message)
      const outcome =
        (guards.causes ? checkCause(message, causes) : null) ??
        ('outcome' in reading ? reading.outcome : refusalOfRecord(reading.value, message))
      if (outcome === null && 'value' in reading) fresh.push({ offer: reading.value, bytes: message.value! })
      if (outcome !== null) tally.count(outcome)
      if (outcome?.kind === 'reject')
        wave.deadLetters.push(deadLetter(serviceName, offers.path, message, outcome.reason))
    }
    await book.load(
      wave,
      fresh.map(each => each.offer.customer),
    )
    const byId = new Map(fresh.map(each => [each.offer.id, each.offer]))
    const candidates: Candidate[] = []
    for (const each of fresh) {
      const { offer, bytes } = each
      const { id, customer, sequence } = offer
      const ledger = wave.ledgers.get(customer)!
      if (isKnown(ledger, id, sequence)) {
        tally.count(skip('repeated'))
        continue
      }
      tally.count(done(null))
      tally.add('ledger/decided')
      for (const entry of ledger.entries)
        if (isLive(entry) && entry.sequence < sequence) {
          const older = byId.get(entry.id) ?? (await offerOf(entry.offer!))
          if (!isDue(older)) wave.advance(older, { to: 'superseded', at: now(), reason: 'later-offer' })
        }
      wave.put(customer, enter(wave.ledgers.get(customer)!, offer, now(), bytes))
      const intent = book.intents.get(id)
      if (intent === undefined) candidates.push(each)
      else {
        goOnAsIntended(wave, offer, intent)
        hearing.recovered(wave, offer)
      }
    }
    return candidates.filter(each => liveEntry(wave, each.offer) !== undefined)
  }

  /** Where each may go, whoever can be asked now first. */
  const targetsOf = async (
    candidates: readonly Candidate[],
  ): Promise<ReadonlyMap<Candidate, readonly Subscription[]>> => {
    const customers = [...new Set(candidates.map(each => each.offer.customer))]
    const found = await steady(() => setup.subscriptions.of(customers))
    const of = new Map(customers.map((customer, index) => [customer, found[index]!]))
    const at = now()
    const mayUse = ({ address, parkedUntil, expiresAt }: Subscription): boolean =>
      gates.provider(address.kind) !== null && parkedUntil <= at && (expiresAt === null || expiresAt > at)
    return new Map(
      candidates.map(each => {
        const mine = of
          .get(each.offer.customer)!
          .filter(target => channelOf[target.address.kind] === each.offer.channel && mayUse(target))
        return [each, mine.sort((a, b) => Number(gates.isOpen(b.address)) - Number(gates.isOpen(a.address)))]
      }),
    )
  }

  /** When to look again at an endpoint that is away, null where the offer may try it: one of a wave, once it might be back. */
  const laterFor = (address: Address, offer: NextBestOffer, at: number, tried: Set<string>): number | null => {
    const away = gates.away(address)
    if (away === null) return null
    if (gates.isOpen(address) && !(away.takesOne && tried.has(away.origin))) {
      tried.add(away.origin)
      return null
    }
    const pauseMs = Math.min(longestAwayMs, Math.max(shortestAwayMs, away.forMs))
    return Math.min(offer.expiresAt, at + Math.ceil(pauseMs * (1 + Math.random())))
  }

  /** Decides each offer at the door, and waits for the provider before anything is promised. */
  const decide = async (
    wave: Wave,
    candidates: readonly Candidate[],
  ): Promise<readonly [Candidate, Verdict, readonly Subscription[]][]> => {
    for (;;) {
      await check(wave, candidates)
      const targets = await targetsOf(candidates)
      const at = now()
      const tried = new Set<string>()
      const decided = candidates.map((each): [Candidate, Verdict, readonly Subscription[]] => {
        const { offer } = each
        const { customer } = offer
        const verdict = judge(offer, wave.ledgers.get(customer)!, wave.contacts.get(customer) ?? null, door, at)
        const mine = targets.get(each)!
        if (verdict.kind !== 'send') return [each, verdict, mine]
        if (mine.length === 0) return [each, suppress('no-subscription'), mine]
        const free = mine.filter(({ address }) => playbook.killed(offer, gates.provider(address.kind)) === null)
        if (free.length === 0) return [each, suppress('kill-switch-provider'), mine]
        const until = laterFor(free[0]!.address, offer, at, tried)
        return [each, until === null ? verdict : { kind: 'hold', until, reason: 'endpoint-unavailable' }, free]
      })
      const shut = decided
        .filter(([, verdict]) => verdict.kind === 'send')
        .map(([, , mine]) => mine[0]!.address)
        .find(address => !gates.isOpen(address))
      if (shut === undefined) return decided
      await gates.opens(shut, 1000, leaving)
    }
  }

  const reserveFor = (wave: Wave, offer: NextBestOffer, at: number): Contacted => {
    const contact = contactedBy(offer, at)
    if (isDue(offer)) return contact
    const ledger = wave.ledgers.get(offer.customer)!
    wave.put(offer.customer, reserve(ledger, contact, capsLookBackTo(playbook.policy, at)))
    return contact
  }

  /** Until when, and why, an offer waits though it may go; null where it goes. */
  const waitOf = (wave: Wave, offer: NextBestOffer, at: number): { until: number; reason: string } | null => {
    if (isDue(offer)) return null
    const { reason } = liveEntry(wave, offer)!
    const waited = reason === 'campaign-pace'
    if (!waited && reason !== 'send-hour') {
      const { choice, at: until } = chooseMoment(setup.sendHour, wave.contacts.get(offer.customer)!, offer, at, {
        own: wave.ledgers.get(offer.customer)!.hours,
        cohort: book.hours,
      })
      setup.metrics?.record('offerstream_send_hours_total', 1, choice)
      if (choice === 'later') return { until, reason: 'send-hour' }
    }
    const until = setup.pacer.next(offer, playbook.policy.campaignOffersPerMinute, at, waited)
    return until === null ? null : { until: Math.min(until, offer.expiresAt), reason: 'campaign-pace' }
  }

  const hold = (wave: Wave, offer: NextBestOffer, { until, reason }: { until: number; reason: string }): void => {
    if (liveEntry(wave, offer)!.state === 'decided') wave.advance(offer, { to: 'deferred', at: now(), reason, until })
    else wave.put(offer.customer, holdLonger(wave.ledgers.get(offer.customer)!, offer.id, until, reason))
  }

  const dispatch = async (wave: Wave, candidates: readonly Candidate[]): Promise<void> => {
    const sendable: Sendable[] = []
    const decided = await decide(wave, candidates)
    const at = now()
    const promised = new Set<string>()
    for (const [each, found, targets] of decided) {
      const { offer } = each
      const { customer } = offer
      // Of two to one customer the caps must know the first.
      const verdict =
        found.kind === 'send' && promised.has(customer)
          ? judge(offer, wave.ledgers.get(customer)!, wave.contacts.get(customer) ?? null, door, at)
          : found
      switch (verdict.kind) {
        case 'drop':
          wave.advance(offer, { to: verdict.state, at, reason: verdict.reason })
          break
        case 'hold':
          hold(wave, offer, verdict)
          break
        case 'send': {
          const wait = waitOf(wave, offer, at)
          if (wait !== null) hold(wave, offer, wait)
          else if (setup.mode === 'dry-run') wave.advance(offer, { to: 'suppressed', at, reason: 'dry-run' })
          else {
            sendable.push({ ...each, targets, contact: reserveFor(wave, offer, at) })
            promised.add(customer)
            const { handle: device, address } = targets[0]!
            wave.advance(offer, { to: 'sending', at, device, provider: gates.provider(address.kind) })
          }
        }
      }
    }
    if (guards.intentFirst || sendable.length === 0) await book.save(wave, 'intent')
    if (sendable.length === 0) return
    await sendAll(sendingOf(wave, sendable), sendable)
    await book.save(wave, 'outcome')
  }

  const sendingOf = (wave: Wave, candidates: readonly Candidate[]): Sending => ({
    setup,
    door,
    wave,
    now,
    steady,
    leaving,
    ended: ended.signal,
    async assertChecked() {
      while (guards.recheck && performance.now() - checkedAt > checkHoldsMs) await check(wave, candidates)
    },
  })

  const handle = async (messages: readonly Message[]): Promise<void> => {
    await steady(() => offers.codec.learn(messages.map(message => message.value)))
    for (let at = 0; at < messages.length; at += waveOffers) {
      if (leaving.aborted) throw new Abandoned()
      const slice = messages.slice(at, at + waveOffers)
      const last = slice[slice.length - 1]!.offset
      const wave = book.wave(last)
      await dispatch(wave, await admit(wave, slice))
      position = last + 1
      hearing.handled(position)
      const stop = book.tally.stopReason()
      if (stop !== null) throw new Refused(`${serviceName} ${offers.path}/${partition}: ${stop}`)
    }
  }

  let heardAt = performance.now()
  /** Looks again at what was held until now. */
  const wake = async (): Promise<void> => {
    if (performance.now() - heardAt > hearEveryMs) {
      await hearing.hear()
      heardAt = performance.now()
    }
    const until = now()
    const keys = await book.due(until, dueLimit)
    for (let from = 0; from < keys.length; from += waveOffers) {
      const some = keys.slice(from, from + waveOffers)
      const wave = book.wave()
      await book.load(wave, some)
      const held: Candidate[] = []
      for (const key of some) {
        wave.put(key, forget(wave.ledgers.get(key)!, until))
        for (const entry of wave.ledgers.get(key)!.entries)
          if (entry.state === 'deferred' && entry.until! <= until)
            held.push({ offer: await offerOf(entry.offer!), bytes: entry.offer! })
      }
      await dispatch(wave, held)
    }
  }

  /** The store lost its last writes while nothing came in: goes back to where it is, and reads again from there. */
  const rewind = async (): Promise<void> => {
    const until = position
    await open()
    for await (const messages of log.read(offers.path, partition, book.start, until)) await handle(messages)
  }

  // Batches and wakes take turns.
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work)
    turn = mine.catch(() => {})
    return mine
  }
  let problem: unknown = null
  let waking = false
  const timer = setInterval(() => {
    if (waking) return
    waking = true
    inTurn(wake)
      .catch(async (error: unknown) => {
        if (error instanceof Lost && error.answer === 'reassign') await inTurn(rewind)
        else throw error
      })
      .catch((error: unknown) => {
        if (leaving.aborted) return
        problem = error
        close()
        if (!(error instanceof Lost)) fail(error)
      })
      .finally(() => {
        waking = false
      })
  }, duePollMs)
  const close = (): void => {
    clearInterval(timer)
    closing.abort()
  }
  given.addEventListener('abort', close)

  try {
    await inTurn(open)
  } catch (error) {
    close()
    if (!(error instanceof Lost)) throw error
    // Taken from us while it was opened: the next batch says so, and the member takes it again if it is still ours.
    problem = error
    position = committed ?? 0
  }
  return {
    start: position,
    close,
    hear: async () =>
      problem instanceof Lost ||
      inTurn(hearing.hear).catch((error: unknown) => {
        // Whoever has the partition now hears it.
        if (error instanceof Lost || error instanceof Abandoned) return true
        throw error
      }),
    batch: messages =>
      inTurn(async (): Promise<Answer> => {
        try {
          if (problem !== null) throw problem
          await handle(messages)
          return 'more'
        } catch (error) {
          const left = leaving.aborted
          close()
          if (error instanceof Lost) return error.answer
          if (left && (error as Error).name === 'AbortError') throw new Abandoned()
          throw error
        }
      }),
  }
}

const contactedBy = ({ item, category, channel }: NextBestOffer, at: number): Contacted => ({
  at,
  item,
  category,
  channel,
})

const liveEntry = (wave: Wave, offer: NextBestOffer) =>
  wave.ledgers.get(offer.customer)!.entries.find(entry => entry.id === offer.id && isLive(entry))
