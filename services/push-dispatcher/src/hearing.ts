// What the journal says of a partition's customers, told to their ledgers: devices that showed or clicked an offer, items
// that were bought meanwhile, channels on which somebody wants no more. How far it was heard is saved together with what
// that changed, so that a crash hears it again, which changes nothing, and never misses it.
import type { NextBestOffer } from '@offerstream/contracts'
import { Abandoned, type Bounds } from '@offerstream/streaming'
import type { Book, Steady } from './book.ts'
import { isDue } from './door.ts'
import { type Fact, hear, isBought, isPast } from './facts.ts'
import { isLive, transitions } from './ledger.ts'
import { type News, openNews } from './news.ts'
import type { Setup } from './setup.ts'
import type { Wave } from './wave.ts'

/** How old the end of the journal may be that an offer is checked against. */
const maxAgeMs = 250
/** Records read before the ledger is told. */
const recordsAtOnce = 10_000
/** Facts that share a save. */
const factsTogether = 500
/** How often a save remembers how far was read though nothing was said. */
const rememberMs = 10_000
/** Reports of offers that the ledger does not have yet. */
const earlyKept = 10_000

export type Hearing = {
  /** Begins where the ledger left off. Offers before `recovered` may be lost from the ledger, and come back. */
  open(book: Book, held: Bounds, recovered: number): void
  /** Reads to the end and tells the ledger; answers whether that changed. Throws `Lost`. */
  hear(): Promise<boolean>
  /** Reads to the end, and tells the ledgers in hand alone what forbids a push: for the check just before one. */
  hearFor(wave: Wave): Promise<void>
  /** The offer is in the ledger again: what was reported of it before follows. */
  recovered(wave: Wave, offer: NextBestOffer): void
  /** Offers were handled up to there. */
  handled(position: number): void
}

type Report = Extract<Fact, { readonly offer: string }>
type Around = {
  readonly setup: Setup
  readonly partition: number
  now(): number
  readonly steady: Steady
  offerOf(bytes: Buffer): Promise<NextBestOffer>
  readonly leaving: AbortSignal
}

export function createHearing({ setup, partition, now, steady, offerOf, leaving }: Around): Hearing {
  const { log, journal, guards } = setup
  let book: Book
  let news: News
  let recoverTo = 0
  const early = new Map<string, readonly Report[]>()
  let readAt = Number.NEGATIVE_INFINITY
  let remembered = 0
  let rememberedAt = Number.NEGATIVE_INFINITY

  const tell = (wave: Wave, fact: Fact): void => {
    const before = wave.ledgers.get(fact.customer)
    if (before === undefined) return
    const after = hear(before, fact, now())
    if (after !== before) wave.put(fact.customer, after)
  }

  const report = (wave: Wave, fact: Report): void => {
    const { customer, offer: id, at, kind } = fact
    for (const to of reportedBy(kind)) {
      const entry = wave.ledgers.get(customer)!.entries.find(each => each.id === id)
      if (entry === undefined) {
        keep(fact)
        return
      }
      if (transitions[entry.state].includes(to))
        wave.advance({ ...entry, customer, trigger: { kind: entry.trigger } }, { to, at })
    }
  }
  const keep = (fact: Report): void => {
    if (recoverTo === 0) return
    early.set(fact.offer, [...(early.get(fact.offer) ?? []), fact])
    if (early.size > earlyKept) early.delete(early.keys().next().value!)
  }

  /** Offers that wait here and whose item was bought. */
  const take = async (wave: Wave, customer: string): Promise<void> => {
    for (const entry of wave.ledgers.get(customer)!.entries) {
      if (!isLive(entry) || !wave.ledgers.get(customer)!.bought.some(({ item }) => item === entry.item)) continue
      const offer = await offerOf(entry.offer!)
      if (!isDue(offer) && isBought(wave.ledgers.get(customer)!, offer))
        wave.advance(offer, { to: 'taken', at: now(), reason: 'bought' })
    }
  }

  const settle = async (): Promise<boolean> => {
    const at = now()
    const facts = news.waiting.filter(fact => !isPast(fact, at))
    const end = news.position
    let changed = false
    if (!guards.newsTogether) {
      book.heardTo(end)
      await book.save(book.wave(), 'news')
    }
    for (let from = 0; from < facts.length; from += factsTogether) {
      const some = facts.slice(from, from + factsTogether)
      const wave = book.wave()
      await book.load(
        wave,
        some.map(({ customer }) => customer),
      )
      for (const fact of some) {
        tell(wave, fact)
        if (fact.kind === 'displayed' || fact.kind === 'clicked') report(wave, fact)
        else if (fact.kind === 'bought') await take(wave, fact.customer)
      }
      if (from + factsTogether >= facts.length) book.heardTo(end)
      if (wave.touched.size === 0) continue
      await book.save(wave, 'news')
      changed = true
    }
    news.settled()
    book.heardTo(end)
    if (end !== remembered && performance.now() - rememberedAt > rememberMs) {
      remembered = end
      rememberedAt = performance.now()
      await book.save(book.wave(), 'news')
    }
    return changed
  }

  return {
    open(mine, held, recovered) {
      book = mine
      recoverTo = recovered
      early.clear()
      remembered = mine.heard
      // Beyond the end: the journal was made anew. Before the beginning: what it no longer holds nobody can hear.
      const from = mine.heard > held.next ? held.first : Math.max(mine.heard, held.first)
      news = openNews(log, journal, partition, from)
      readAt = Number.NEGATIVE_INFINITY
    },
    async hear() {
      let changed = false
      for (let atEnd = false; !atEnd; ) {
        if (leaving.aborted) throw new Abandoned()
        atEnd = await steady(() => news.read(recordsAtOnce))
        if (await settle()) changed = true
      }
      return changed
    },
    async hearFor(wave) {
      if (performance.now() - readAt > maxAgeMs) {
        const at = performance.now()
        await steady(() => news.read())
        readAt = at
      }
      for (const fact of news.waiting) tell(wave, fact)
    },
    recovered(wave, { id }) {
      for (const fact of early.get(id) ?? []) report(wave, fact)
      early.delete(id)
    },
    handled(position) {
      if (position < recoverTo) return
      recoverTo = 0
      early.clear()
    },
  }
}

/** What is clicked was displayed. */
export const reportedBy = (kind: 'displayed' | 'clicked'): readonly ('displayed' | 'clicked')[] =>
  kind === 'clicked' ? ['displayed', 'clicked'] : ['displayed']
