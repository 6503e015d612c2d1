// A day of a simulated operator, or a real data set, through the whole line in this process: events in, pushes out.
import { setTimeout as sleep } from 'node:timers/promises'
import { defaultContactPolicy } from '@offerstream/catalogue'
import type { ContactPolicy, Customer, NextBestOffer, PlaybookRecord } from '@offerstream/contracts'
import { type DatasetName, datasets } from '@offerstream/datasets'
import { updaterName } from '@offerstream/feature-updater'
import { createVapidKeys, type LedgerCounts } from '@offerstream/push-dispatcher'
import { demoPromotions } from '@offerstream/ranker'
import { createWorld, customerRecords, events, playbookRecords, reactLater, type World } from '@offerstream/simulator'
import { type PushService, type StackKind, startPushService, startStack } from '@offerstream/stack'
import { ensureTopics, openTopic, type Surroundings } from '@offerstream/streaming'
import { audit } from './audit.ts'
import { browserCustomers, openDemoBrowser } from './browser/demo-browser.ts'
import { explainCustomer } from './explain.ts'
import { sectionsOf } from './explain-sections.ts'
import { sectionsText } from './explain-text.ts'
import { type LatencySummary, latencies } from './latencies.ts'
import { type Line, operator, startLine } from './line.ts'
import type { Output } from './output.ts'
import { pushHistoryOf } from './push-history.ts'
import { judgePushes, type PushViolations } from './push-judge.ts'
import { rememberLine } from './remembered-line.ts'
import { createSourceWriter, type SourceWriter, sourceTopicOf } from './source-writer.ts'
import { surroundingsOf } from './surroundings.ts'

export type DemoOptions = {
  readonly stack: StackKind | 'auto'
  readonly customers: number
  /** Events per second of wall time. */
  readonly rate: number
  readonly seconds: number
  readonly seed: number
  readonly dataset?: DatasetName
  readonly dir?: string
  readonly keep: boolean
  /** Waits for a browser to subscribe, and sends it some customers' offers. */
  readonly browser: boolean
  readonly models: string
  /** Ends the streaming early; what was sent is drained still. */
  readonly signal: AbortSignal
}

export type DemoSummary = {
  readonly stack: StackKind
  readonly versions: Readonly<Record<string, string>>
  readonly eventsSent: number
  readonly journalLength: number
  readonly featuresApplied: number
  readonly repeatsSkipped: number
  readonly decisions: number
  readonly offers: number
  readonly pushesAccepted: number
  readonly pushesShown: number
  readonly deliveries: Readonly<Record<string, number>>
  /** Offers by the state they are in, and their sum. */
  readonly ledger: LedgerCounts
  /** Pushes of which nobody knows whether they arrived. */
  readonly unknown: number
  /** Promises broken, judged from what devices were sent and showed. */
  readonly violations: { readonly [Kind in keyof PushViolations]: number }
  readonly deadLetters: Readonly<Record<string, number>>
  readonly lost: number
  readonly latencyMs: { readonly eventToOffer: LatencySummary; readonly eventToPush: LatencySummary }
  readonly secondsToFirstPush: number | null
  readonly eventsPerSecond: number
}

/** Few: a partition costs a request per hop, and one process on two cores gains nothing from more. */
const partitions = 4
const worldStart = Date.UTC(2026, 2, 2, 9)
const eventsPerCustomerAndMs = 10 / 86_400_000
const drainLimitMs = 120_000
/** On the wall. */
const boundWithinMs = 1000
/** Latencies the live line looks at. */
const newest = 50

/** Where the events come from, and what time it is while they pass. */
type Source = {
  readonly playbook: readonly PlaybookRecord[]
  readonly devices: readonly { readonly customer: string; readonly handle: string }[]
  now(): number
  /** Of its clock: how soon what was written binds, and how long a push may take to its device. */
  readonly withinMs: number
  /** Writes until the end or the signal. */
  stream(
    writer: SourceWriter,
    sent: (id: string, intendedAt: number) => void,
    signal: AbortSignal,
    settled: () => Promise<void>,
  ): Promise<void>
  /** A customer saw an offer. */
  shown(offer: NextBestOffer): void
}

export async function demo(options: DemoOptions, output: Output): Promise<DemoSummary> {
  const stack = await startStack(options.stack, { instance: 'demo', fresh: true, progress: output.progress })
  output.say(
    `stack ${stack.kind}: ${stack.why} (${Object.entries(stack.versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')})`,
  )
  const prefix = stack.kind === 'local' || stack.kind === 'embedded' ? '' : `demo-${Date.now().toString(36)}.`
  const source =
    options.dataset === undefined ? await simulated(options) : await recorded(options.dataset, options, output)
  const surroundings = surroundingsOf(stack, {
    prefix,
    partitions,
    clock: source,
    notice: line => output.progress(line),
  })
  const push = await startPushService({ now: source.now })
  const vapid = createVapidKeys(operator)
  const inBrowser = new Set(options.browser ? browserCustomers(source.devices) : [])
  let line: Line | null = null
  let closeBrowser: (() => Promise<void>) | null = null
  try {
    const { log, registry } = surroundings
    await ensureTopics(log, { prefix, partitions, sources: true })
    rememberLine({ kind: stack.kind, instance: 'demo', prefix, partitions, addresses: stack.addresses })
    const playbook = await openTopic(registry, 'playbook', prefix)
    await log.append(
      playbook.path,
      0,
      source.playbook.map(record => ({ key: nameOf(record), value: playbook.codec.encode(record) })),
    )
    line = await startLine(surroundings, { models: options.models, stack, vapid })
    output.progress(`registering ${source.devices.length} devices`)
    for (const { customer, handle } of source.devices.filter(each => !inBrowser.has(each.customer))) {
      const { endpoint, keys } = await push.subscribe(handle)
      const address = { kind: 'web-push', endpoint, keys } as const
      await line.subscriptions.register(customer, handle, { address, at: Date.now(), expiresAt: null })
    }
    if (options.browser)
      closeBrowser = await openDemoBrowser({
        push,
        subscriptions: line.subscriptions,
        key: vapid.publicKey,
        customers: [...inBrowser],
        tell: output.progress,
        signal: options.signal,
      })

    const watched = watch(surroundings, source)
    let shown = 0
    push.onShown(({ device, offer }) => {
      shown++
      watched.pushShown(offer, device)
    })
    const observer = await watched.start()
    const writer = await createSourceWriter(surroundings)
    output.say(
      options.dataset === undefined
        ? `streaming ${options.customers} simulated customers at about ${options.rate} events/s for ${options.seconds} s`
        : `streaming ${options.dataset}`,
    )
    const began = performance.now()
    const live = setInterval(() => output.say(watched.line(writer.written, shown)), process.stdout.isTTY ? 1000 : 5000)
    const stopping = AbortSignal.any([
      options.signal,
      ...(options.dataset === undefined ? [AbortSignal.timeout(options.seconds * 1000)] : []),
    ])
    await Promise.race([
      source.stream(writer, watched.sent, stopping, line.settled).then(() => writer.flush()),
      line.done,
      stack.crashed.then(why => {
        throw new Error(why)
      }),
    ])
    const streamedSeconds = (performance.now() - began) / 1000
    output.progress('draining')
    if (!(await line.drained(drainLimitMs))) output.progress(`not everything was read within ${drainLimitMs / 1000} s`)
    clearInterval(live)
    output.say(watched.line(writer.written, shown))
    await observer.stop()

    const look = () => audit({ ...surroundings, updater: updaterName })
    let found = await look()
    // A tick may have set something off since: what is lost stays lost.
    for (let again = 0; again < 3 && found.lost > 0; again++) {
      await line.drained(drainLimitMs)
      found = await look()
    }
    const ledger = await line.dispatcher!.counts()
    const judged = judgePushes(await pushHistoryOf(surroundings, push.events, source.withinMs))
    const summary: DemoSummary = {
      stack: stack.kind,
      versions: stack.versions,
      eventsSent: writer.written,
      journalLength: found.journalLength,
      featuresApplied: found.applied['applied'] ?? 0,
      repeatsSkipped: (found.applied['skipped/repeated'] ?? 0) + (found.applied['skipped/repeated-event'] ?? 0),
      decisions: found.decisions,
      offers: found.offers,
      pushesAccepted: push.accepted.length,
      pushesShown: push.received.length + shownByBrowser(push),
      deliveries: found.deliveries,
      ledger,
      unknown: ledger.unknown,
      violations: countOf(judged),
      deadLetters: found.deadLetters,
      lost: found.lost,
      latencyMs: { eventToOffer: watched.eventToOffer(), eventToPush: watched.eventToPush() },
      secondsToFirstPush: watched.secondsToFirstPush(),
      eventsPerSecond: Math.round(writer.written / streamedSeconds),
    }
    const customer = watched.storyOf()
    if (customer !== null && !output.json) {
      output.say('\nOne customer’s story')
      const story = await explainCustomer(surroundings, customer, { days: 1, models: options.models })
      output.say(
        sectionsText(
          sectionsOf(story).filter(each => !/features$/i.test(each.title)),
          { columns: 120 },
        ),
      )
    }
    output.say(summaryText(summary, found.lostAt, judged))
    if (options.keep && !options.signal.aborted) {
      output.say('\nstaying up; Ctrl-C ends it')
      await new Promise<void>(resolve => options.signal.addEventListener('abort', () => resolve(), { once: true }))
    } else if (stack.kind === 'local' && customer !== null)
      output.say(`\nLook again with: pnpm offerstream explain ${customer}`)
    return summary
  } finally {
    await closeBrowser?.()
    await line?.stop().catch(error => output.progress(`stopping: ${(error as Error).message}`))
    await surroundings.close()
    await push.stop()
    await stack.stop()
  }
}

/** What a browser's service worker took; each shows a notification. */
const shownByBrowser = (push: PushService): number =>
  push.events.filter(each => each.event === 'acknowledged' && each.code === 100).length

const countOf = (judged: PushViolations): DemoSummary['violations'] => ({
  caps: judged.caps.length,
  quietHours: judged.quietHours.length,
  consent: judged.consent.length,
  expiry: judged.expiry.length,
  killSwitch: judged.killSwitch.length,
  acceptedTwice: judged.acceptedTwice.length,
  shownTwice: judged.shownTwice.length,
})

const promotions = async (models: string, at: number): Promise<PlaybookRecord[]> =>
  (await demoPromotions(models)).map(body => ({ at, body }))

const nameOf = ({ body }: PlaybookRecord): string => `${body.type}/${body.name}`

/** A day of the simulated operator, as much faster as the rate asks for. */
async function simulated({ customers, rate, seed, models }: DemoOptions): Promise<Source> {
  const world: World = createWorld({ seed, customers, start: worldStart, preset: 'lively' })
  const profiles = [...customerRecords(world)]
  const speed = rate / 1000 / (customers * eventsPerCustomerAndMs)
  let since: number | null = null
  const now = (): number => (since === null ? worldStart : worldStart + (Date.now() - since) * speed)
  return {
    playbook: [...playbookRecords(world), ...(await promotions(models, worldStart))],
    devices: profiles.flatMap(devicesOf),
    now,
    withinMs: boundWithinMs * speed,
    shown: offer => reactLater(world, offer, now()),
    async stream(writer, sent, signal, settled) {
      for (const profile of profiles) await writer.write('customers', profile, Date.now())
      await writer.flush()
      await settled()
      since = Date.now()
      while (!signal.aborted) {
        for (const event of events(world, world.state.at, now())) {
          const intendedAt = since + (event.at - worldStart) / speed
          sent(event.id, intendedAt)
          await writer.write(sourceTopicOf(event), event, intendedAt)
        }
        await sleep(5)
      }
    },
  }
}

const devicesOf = ({ customer, devices }: Customer): Source['devices'] => devices.map(handle => ({ customer, handle }))

/** Event time sent before the line must have taken it all, so that no trigger is too old and no offer expires on its way. */
const strideMs = 6 * 60 * 60 * 1000

/** A real data set, as fast as the line takes it; the clock shows the time of the newest event sent. */
async function recorded(name: DatasetName, { dir, models }: DemoOptions, output: Output): Promise<Source> {
  if (dir === undefined) throw new Error(`--dataset ${name} needs --dir, the folder that holds its files`)
  const dataset = datasets[name]
  const playbook = await dataset.playbook(dir)
  const devices: Source['devices'][number][] = []
  for await (const customer of dataset.customers(dir, { assumeConsent: true })) devices.push(...devicesOf(customer))
  output.progress(`${dataset.description}; consent and one device per customer are assumed`)
  let newest = 0
  const start = Math.min(...playbook.map(({ at }) => at))
  return {
    playbook: [...playbook, { at: start, body: datasetContactPolicy }, ...(await promotions(models, start))],
    devices,
    now: () => newest,
    // The clock jumps from event to event.
    withinMs: strideMs,
    shown: () => {},
    async stream(writer, sent, signal, settled) {
      let strideEnds = Number.NEGATIVE_INFINITY
      for await (const { topic, value } of dataset.records(dir, { assumeConsent: true })) {
        if (signal.aborted) return
        if (value.at >= strideEnds) {
          await writer.flush()
          await settled()
          strideEnds = value.at + strideMs
        }
        newest = Math.max(newest, value.at)
        const now = Date.now()
        sent(value.id, now)
        await writer.write(topic, value, now)
      }
    },
  }
}

/** Data sets know no contact policy; this one lets their two plans be offered whatever the step in price. */
const datasetContactPolicy: ContactPolicy = {
  ...defaultContactPolicy,
  validHours: 48,
  priceStepShare: 10,
  minimumValueMinor: 1,
}

/** What the demo sees from outside: offers as any subscriber reads them, pushes as devices show them. */
function watch({ log, registry, prefix }: Surroundings, source: Source) {
  const sentAt = new Map<string, number>()
  const offers = new Map<string, NextBestOffer>()
  const waiting = new Map<string, number>()
  const toOffer = latencies()
  const toPush = latencies()
  let offerCount = 0
  let firstPush: number | null = null
  let story: string | null = null

  const pushed = (offer: NextBestOffer, at: number): void => {
    const sent = sentAt.get(offer.trigger.event)
    if (sent !== undefined) toPush.add(at - sent)
    firstPush ??= performance.now() / 1000
    story = offer.customer
    source.shown(offer)
  }
  return {
    sent: (id: string, intendedAt: number): void => void sentAt.set(id, intendedAt),
    pushShown(id: string | null, _device: string) {
      const offer = id === null ? undefined : offers.get(id)
      if (offer !== undefined) pushed(offer, Date.now())
      else if (id !== null) waiting.set(id, Date.now())
    },
    async start() {
      const topic = await openTopic(registry, 'next-best-offers', prefix)
      return log.subscribe(`${prefix}demo-observer`, [topic.path], {
        assigned: async (_topic, _partition, committed) => committed ?? 0,
        async batch(_topic, _partition, messages) {
          for (const message of messages) {
            const offer = topic.codec.decode(message.value!)
            if (offers.has(offer.id)) continue
            offers.set(offer.id, offer)
            offerCount++
            const sent = sentAt.get(offer.trigger.event)
            if (sent !== undefined) toOffer.add(Date.now() - sent)
            const at = waiting.get(offer.id)
            if (at !== undefined) {
              waiting.delete(offer.id)
              pushed(offer, at)
            }
          }
          return 'more'
        },
        revoked: () => {},
      })
    },
    line(eventsSent: number, shown: number): string {
      const offer = toOffer.summary(newest)
      const push = toPush.summary(newest)
      const show = ({ p50, p99 }: LatencySummary): string => (p50 === null ? '–' : `${p50}/${p99} ms`)
      return `${new Date(source.now()).toISOString().slice(0, 16).replace('T', ' ')}  events ${eventsSent}  offers ${offerCount}  pushes shown ${shown}  event→offer p50/p99 ${show(offer)}  event→push ${show(push)}`
    },
    eventToOffer: () => toOffer.summary(),
    eventToPush: () => toPush.summary(),
    secondsToFirstPush: () => (firstPush === null ? null : Math.round(firstPush * 10) / 10),
    storyOf: () => story,
  }
}

function summaryText(
  summary: DemoSummary,
  lostAt: Readonly<Record<string, readonly string[]>>,
  judged: PushViolations,
): string {
  const counts = (values: Readonly<Record<string, number>>): string =>
    Object.entries(values)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ') || 'none'
  const { eventToOffer, eventToPush } = summary.latencyMs
  const { total, ...states } = summary.ledger
  const entered = Object.entries(states).filter(([, count]) => count > 0)
  const broken = Object.entries(judged).filter(([, cases]) => cases.length > 0)
  const some = (cases: readonly string[]): string => `${cases.slice(0, 5).join(', ')}${cases.length > 5 ? ' …' : ''}`
  const lost = Object.entries(lostAt).filter(([, ids]) => ids.length > 0)
  return [
    `${summary.eventsSent} events sent at ${summary.eventsPerSecond}/s, ${summary.journalLength} journalled, ${summary.featuresApplied} applied, ${summary.repeatsSkipped} repeats skipped`,
    `${summary.decisions} decisions, ${summary.offers} offers; deliveries: ${counts(summary.deliveries)}; dead letters: ${counts(summary.deadLetters)}`,
    `${summary.pushesAccepted} pushes accepted, ${summary.pushesShown} decrypted and shown${summary.secondsToFirstPush === null ? '' : `, the first ${summary.secondsToFirstPush} s after the start`}`,
    `ledger: ${entered.map(([state, count]) => `${count} ${state}`).join(' + ') || 0} = ${total}; ${summary.unknown} unknown; promises broken, judged from the devices: ${broken.length === 0 ? 'none' : ''}${broken.map(([kind, cases]) => `\n  ${kind}: ${some(cases)}`).join('')}`,
    `event to offer p50 ${eventToOffer.p50 ?? '–'} ms, p99 ${eventToOffer.p99 ?? '–'} ms; event to push p50 ${eventToPush.p50 ?? '–'} ms, p99 ${eventToPush.p99 ?? '–'} ms`,
    `lost: ${summary.lost}${lost.map(([stage, ids]) => `\n  at ${stage}: ${some(ids)}`).join('')}`,
  ].join('\n')
}
