// What concerns many customers at once: reads the states of all, at a set pace, and writes a record for each one concerned
// to `campaigns`, which intake journals like any source. What was written is its memory: run again after a crash it reads
// back whom it reached, and goes on with the rest. Two runs at once write a customer twice, under the same event id, which
// the updater takes for the repeat it is.
import { setTimeout as sleep } from 'node:timers/promises'
import type { CampaignDue, CustomerFacts } from '@offerstream/contracts'
import { factsOf, read, type State, states } from '@offerstream/features'
import { openTopic, Refused, read as readMessage, type Surroundings, Transient } from '@offerstream/streaming'
import { updaterName } from './fold.ts'

/** What reaches the customers. */
export type Campaign = Pick<CampaignDue, 'campaign' | 'kind' | 'item' | 'fromMinor' | 'toMinor'>

/** A customer, for the question whether the campaign concerns them. */
export type Reached = {
  readonly customer: string
  readonly facts: CustomerFacts
  /** Features in the order of the list, as of the customer's newest event; NaN for what is missing. */
  readonly vector: Float32Array
}

export type FanOutOptions = {
  readonly campaign: Campaign
  concerns(reached: Reached): boolean
  /** Customers per second at most. */
  readonly perSecond: number
  /** Which customers that counts: those read unless given, or those reached. */
  readonly paces?: 'read' | 'sent'
  /** Counts, and writes nothing. */
  readonly dryRun?: boolean
  /** Ends it early; what was written stays. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: FanOutProgress) => void
}

export type FanOutProgress = {
  /** With a state when it began. */
  readonly total: number
  /** Read so far; one that is read twice counts twice. */
  readonly customers: number
  /** Concerned, of those read. */
  readonly concerned: number
  /** Of these, reached by an earlier run. */
  readonly reachedBefore: number
  /** Records written. */
  readonly sent: number
}

export type FanOutSummary = FanOutProgress & { readonly campaign: string; readonly complete: boolean }

/** The same for every run, so that a repeat is known. */
const idOf = (campaign: string, customer: string): string => `campaign/${campaign}/${customer}`
/** Customers are read and written in slices: as many a second, and never more at once. */
const slicesPerSecond = 10
const largestSlice = 500
/** What was not used may be made up for so long: what stood still does not come all at once afterwards. */
const burstMs = 200

/**
 * Runs a campaign once over all customers the updater knows. Throws `Refused` where it knows none, where an
 * updater of another version serves, and where a write was not answered: then nobody knows whether it was done, and the next run finds out.
 */
export async function fanOut(around: Surroundings, options: FanOutOptions): Promise<FanOutSummary> {
  const { log, store, clock } = around
  const { campaign, perSecond, paces = 'read', dryRun = false, signal, onProgress = () => {} } = options
  const topic = await openTopic(around.registry, 'campaigns', around.prefix)
  const partitions = (await log.bounds(topic.path)).length
  for (let partition = 0; partition < partitions; partition++) {
    const serving = (await store.incumbent('feature-updater', partition))?.fold ?? updaterName
    if (serving !== updaterName)
      throw new Refused(
        `${serving} serves partition ${partition}, and ${updaterName} of this version may lack customers`,
      )
  }
  const sizes = await Promise.all(Array.from({ length: partitions }, (_, at) => store.size(updaterName, at)))
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (total === 0)
    throw new Refused(`the store holds no customer of ${updaterName}: is a feature-updater of this version running?`)

  const progress = { total, customers: 0, concerned: 0, reachedBefore: 0, sent: 0 }
  let freeAt = performance.now()
  /** A token bucket. */
  const pace = async (count: number): Promise<void> => {
    freeAt = Math.max(freeAt, performance.now() - burstMs) + (count / perSecond) * 1000
    const ahead = freeAt - performance.now()
    if (ahead > 0) await sleep(ahead, undefined, signal ? { signal } : {}).catch(() => {})
  }
  const slice = Math.max(1, Math.min(largestSlice, Math.floor(perSecond / slicesPerSecond)))

  const reachedIn = async (partition: number): Promise<Set<string>> => {
    const reached = new Set<string>()
    const { first, next } = (await log.bounds(topic.path))[partition]!
    for await (const messages of log.read(topic.path, partition, first, next)) {
      await topic.codec.learn(messages.map(({ value }) => value))
      for (const message of messages) {
        const reading = readMessage(topic.codec, message)
        if ('value' in reading && reading.value.campaign === campaign.campaign) reached.add(message.key!)
      }
    }
    return reached
  }

  const write = async (partition: number, customers: readonly string[]): Promise<void> => {
    const at = Math.floor(clock.now())
    const records = customers.map(customer => ({
      key: customer,
      value: topic.codec.encode({
        type: 'campaign_due',
        id: idOf(campaign.campaign, customer),
        customer,
        at,
        ...campaign,
      }),
    }))
    await log.append(topic.path, partition, records).catch(error => {
      if (!(error instanceof Transient)) throw error
      throw new Refused(`${error.message}; run it again: whom it reached is passed over`)
    })
    progress.sent += records.length
  }

  for (let partition = 0; partition < partitions; partition++) {
    const reached = await reachedIn(partition)
    const seen = new Set<string>()
    for await (const page of store.each(updaterName, partition))
      for (let from = 0; from < page.length; from += slice) {
        if (signal?.aborted) return { ...progress, campaign: campaign.campaign, complete: false }
        const wanted: string[] = []
        const read = page.slice(from, from + slice)
        for (const [customer, bytes] of read) {
          progress.customers++
          if (seen.has(customer) || !options.concerns(reachedFrom(customer, states.decode(bytes)))) continue
          seen.add(customer)
          progress.concerned++
          if (reached.has(customer)) progress.reachedBefore++
          else wanted.push(customer)
        }
        if (!dryRun && wanted.length > 0) await write(partition, wanted)
        onProgress({ ...progress })
        await pace(paces === 'read' ? read.length : wanted.length)
      }
  }
  return { ...progress, campaign: campaign.campaign, complete: true }
}

/** Unpacked only as far as it is asked for. */
const reachedFrom = (customer: string, state: State): Reached => ({
  customer,
  get facts() {
    return factsOf(state)
  },
  get vector() {
    return read(state, state.at)
  },
})
