// Decisions per second with many candidates: the model alone, then scoring and deciding, then the service on Kafka and Redis.
import type { Playbook } from '@offerstream/catalogue'
import { applyRecord, emptyPlaybook } from '@offerstream/catalogue'
import type { ContactHistory, FeatureUpdate, PlaybookRecord } from '@offerstream/contracts'
import { refold } from '@offerstream/evaluation'
import { createUpdater } from '@offerstream/feature-updater'
import { prepare, scorerName } from '@offerstream/offer-scorer'
import { decide, emptyHistory, remember } from '@offerstream/policy'
import { createModels, demoPromotions, type Models, modelsFolder } from '@offerstream/ranker'
import { playbookRecords } from '@offerstream/simulator'
import {
  ensureTopics,
  type MemoryLog,
  memoryLog,
  openTopic,
  type Registry,
  retrying,
  type Topic,
} from '@offerstream/streaming'
import type { Bench, Progress, Report } from './bench.ts'
import { fillJournal } from './journal.ts'
import { type Place, withPlace } from './place.ts'
import { start } from './processes.ts'
import { appliedBy, watch } from './watch.ts'

const prefix = 'bench.'
const hour = 3_600_000

export const scorer: Bench = {
  says: 'decisions/s with 50 candidates: the model, scoring and deciding, the whole service',
  options: {
    decisions: { fallback: '20000', says: 'decisions of the service' },
    candidates: { fallback: '50', says: 'plans in the catalogue' },
    partitions: { fallback: '12', says: 'partitions' },
    batch: { fallback: '100', says: 'updates in a batch, in process' },
    profile: { fallback: '', says: 'folder for a CPU profile of the service' },
  },
  run: (settings, progress) => withPlace(progress, place => measure(place, settings, progress)),
}

type Speed = { readonly perSecond: number; readonly perCpuSecond: number }

async function measure(place: Place, settings: Readonly<Record<string, string>>, progress: Progress): Promise<Report> {
  const [decisions, candidates, partitions, batch] = ['decisions', 'candidates', 'partitions', 'batch'].map(each =>
    Number(settings[each]),
  ) as [number, number, number, number]
  const { log, registry } = place
  await retrying(() => ensureTopics(log, { prefix, partitions, sources: true }), {
    signal: AbortSignal.timeout(60_000),
  })
  const updates = await openTopic(registry, 'feature-updates', prefix)
  const made = await makeUpdates(registry, updates, { decisions, partitions }, progress)
  const records = await wideCatalogue(candidates)
  const playbook = records.reduce((book, record, at) => applyRecord(book, record, at), emptyPlaybook)
  const models = createModels(modelsFolder)

  progress('scoring and deciding in process')
  const samples: FeatureUpdate[] = []
  for await (const messages of made.read(updates.path, 0, 0))
    samples.push(...messages.map(({ value }) => updates.codec.decode(value!)))
  const model = await modelOnly(models, playbook, candidates)
  const whole = await scoreAndDecide(models, playbook, samples, batch)
  await models.close()

  const playbookTopic = await openTopic(registry, 'playbook', prefix)
  await log.append(
    playbookTopic.path,
    0,
    records.map(record => ({ key: record.body.name, value: playbookTopic.codec.encode(record) })),
  )
  let total = 0
  for (const [partition, { next }] of (await made.bounds(updates.path)).entries()) {
    for await (const messages of made.read(updates.path, partition, 0, next))
      await log.append(
        updates.path,
        partition,
        messages.map(({ key, value, cause, timestamp }) => ({ key, value, cause, timestamp })),
      )
    total += next
  }
  const child = start('offer-scorer', 'services/offer-scorer/src/main.ts', {
    environment: place.environment(prefix, partitions),
    flags: settings['profile'] ? ['--cpu-prof', `--cpu-prof-dir=${settings['profile']}`] : [],
  })
  const service = await watch(
    'service on Kafka and Redis',
    child,
    place,
    Math.floor(total / 5),
    total,
    appliedBy(place, prefix, scorerName, partitions, child),
    progress,
  )
  await child.stop()
  const offered = (await log.bounds(`${prefix}next-best-offers`)).reduce((sum, { next }) => sum + next, 0)
  await made.close()
  return {
    title: `decisions with ${candidates} candidate plans, every one scored`,
    rows: [
      ['', 'decisions/s', 'per CPU-s'],
      [`model alone, ${candidates} rows a decision`, model.perSecond, model.perCpuSecond],
      [`scored and decided, batches of ${batch}`, whole.perSecond, whole.perCpuSecond],
      ['service on Kafka and Redis', service.eventsPerSecond, service.eventsPerCpuSecond],
    ],
    remarks: [
      `the service took ${total.toLocaleString('en')} decisions, ${offered.toLocaleString('en')} of them offers; the first fifth is warm-up`,
    ],
    figures: { model, inProcess: whole, service, offers: offered },
  }
}

/** The simulated operator's plans over and over under other names and prices, the model in use, contact limits aside. */
async function wideCatalogue(candidates: number): Promise<PlaybookRecord[]> {
  const at = Date.now() - 24 * hour
  const records = playbookRecords({ start: at })
  const plans = records.filter(({ body }) => body.type === 'item' && body.kind === 'plan')
  const wide = Array.from({ length: candidates }, (_, index): PlaybookRecord => {
    const { body } = plans[index % plans.length]!
    if (body.type !== 'item') throw new Error('a plan is an item')
    const round = Math.floor(index / plans.length)
    return { at, body: { ...body, name: `${body.name}-${round}`, priceMinor: body.priceMinor + 10 * round } }
  })
  return [
    ...wide,
    ...records.filter(({ body }) => body.type !== 'item' && body.type !== 'rule'),
    ...(await demoPromotions()).map(body => ({ at, body })),
  ]
}

/** Feature updates as the updater makes them, one for each customer and purchase. */
async function makeUpdates(
  registry: Registry,
  updates: Topic<FeatureUpdate>,
  { decisions, partitions }: { decisions: number; partitions: number },
  progress: Progress,
): Promise<MemoryLog> {
  const source = memoryLog()
  const target = memoryLog()
  await ensureTopics(source, { prefix, partitions, sources: true })
  const journal = {
    prefix,
    partitions,
    customers: 2 * decisions,
    events: 10 * decisions,
    until: Date.now(),
    spanMs: hour,
  }
  await fillJournal(source, registry, journal, progress)
  await refold(
    createUpdater({ events: await openTopic(registry, 'customer-events', prefix), updates }),
    source,
    target,
    { batchRecords: 2000 },
  )
  await source.close()
  return target
}

async function modelOnly(models: Models, playbook: Playbook, candidates: number): Promise<Speed> {
  const promotion = [...playbook.promotions.values()].at(-1)!
  const { manifest, scorer } = await models.load(promotion)
  const rows = new Float32Array(candidates * (manifest.features.length + manifest.pairs.length))
  return timed(async () => {
    await scorer.score(rows, candidates)
    return 1
  })
}

/** As the fold does, each decision remembered in its customer's history. */
function scoreAndDecide(
  models: Models,
  playbook: Playbook,
  samples: readonly FeatureUpdate[],
  batch: number,
): Promise<Speed> {
  const histories = new Map<string, ContactHistory>()
  let at = 0
  return timed(async () => {
    const updates = samples.slice(at, at + batch)
    at = at + batch >= samples.length ? 0 : at + batch
    if (at === 0) histories.clear()
    const prepared = await prepare(
      updates,
      updates.map(() => playbook),
      models,
    )
    for (const [index, update] of updates.entries()) {
      const ready = prepared[index]!
      if (ready.kind === 'refused') throw new Error(`an update was refused: ${ready.reason}`)
      const history = histories.get(update.customer) ?? emptyHistory
      histories.set(
        update.customer,
        remember(history, decide({ id: update.id, at: update.at, update, ...ready }, history, ready.playbook)),
      )
    }
    return updates.length
  })
}

/** For a second unmeasured, then for three. */
async function timed(work: () => Promise<number>): Promise<Speed> {
  for (const until = performance.now() + 1000; performance.now() < until; ) await work()
  const began = performance.now()
  const cpu = process.cpuUsage()
  let count = 0
  while (performance.now() - began < 3000) count += await work()
  const { user, system } = process.cpuUsage(cpu)
  return { perSecond: (count / (performance.now() - began)) * 1000, perCpuSecond: (count / (user + system)) * 1e6 }
}
