// Models in the line: which version stands where, how it does, and the step to the next place.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promotionKey } from '@offerstream/catalogue'
import type { Decision, ModelPromotion } from '@offerstream/contracts'
import { readTrials } from '@offerstream/offer-scorer'
import { promotionOf } from '@offerstream/ranker'
import { openTopic, Refused, read, type Surroundings } from '@offerstream/streaming'
import { playbookAt, putRecords, readPlaybook } from './playbook.ts'

type Around = Pick<Surroundings, 'log' | 'registry' | 'prefix' | 'store' | 'partitions'>

/** A version beside the one that serves, or served in its place, over decisions that scored both. */
export type Comparison = {
  readonly model: string
  readonly with: string
  readonly decisions: number
  /** Mean distance of two probabilities of the same candidate. */
  readonly meanDifference: number
  /** Share of decisions with several eligible candidates in which both find the same one likeliest; null for none. */
  readonly sameTopChoice: number | null
}

export type ModelStatus = {
  readonly playbookVersion: number
  readonly models: readonly (Pick<ModelPromotion, 'name' | 'version' | 'stage' | 'share' | 'reason'> & {
    readonly promotedIn: number
    /** Of a trial under way: decisions it was to score, and those it failed. */
    readonly trial: { readonly decisions: number; readonly failed: number } | null
    readonly next: string
  })[]
  readonly comparisons: readonly Comparison[]
  /** Versions in the registry folder that were never promoted, as NAME/VERSION. */
  readonly unpromoted: readonly string[]
}

export async function modelStatus(around: Around, options: { models: string; last: number }): Promise<ModelStatus> {
  const playbook = playbookAt(await readPlaybook(around), null)
  const trials = await readTrials(around.store, around.partitions)
  const promotions = [...playbook.promotions.values()]
  const known = new Set(promotions.map(promotionKey))
  return {
    playbookVersion: playbook.version,
    models: promotions.map(promotion => {
      const { name, version, stage, share, reason } = promotion
      const key = promotionKey(promotion)
      const promotedIn = playbook.promoted.get(key)!.version
      const seen = trials[key]
      const trial =
        seen?.since === promotedIn && stage !== 'retired' ? { decisions: seen.decisions, failed: seen.failed } : null
      return { name, version, stage, share, reason, promotedIn, trial, next: nextStep(promotion) }
    }),
    comparisons: comparisonsOf(await lastDecisions(around, options.last)),
    unpromoted: (await versionsIn(options.models)).filter(key => !known.has(key)),
  }
}

type PromoteOptions = {
  readonly models: string
  /** The place after the one it has, unless given: shadow, canary, champion. */
  readonly stage?: ModelPromotion['stage']
  /** Of customers, for a canary. */
  readonly share?: number
  readonly reason?: string
  readonly by: string
  readonly at: number
}

type Promoted = { readonly version: number; readonly promotion: ModelPromotion; readonly next: string }

const following: Readonly<Record<ModelPromotion['stage'], ModelPromotion['stage']>> = {
  retired: 'shadow',
  shadow: 'canary',
  canary: 'champion',
  champion: 'champion',
}
const canaryShare = 0.1

/** Puts a version into its next place, after every check of model and record. */
export async function promoteModel(
  around: Around,
  name: string,
  version: string,
  options: PromoteOptions,
): Promise<Promoted> {
  const before = playbookAt(await readPlaybook(around), null).promotions.get(`${name}/${version}`)
  const stage = options.stage ?? following[before?.stage ?? 'retired']
  const found = await promotionOf(options.models, name, version, stage).catch(async () => {
    const there = (await versionsIn(options.models)).join(', ') || 'none'
    throw new Refused(`there is no model ${name}/${version} in ${options.models}; there are ${there}`)
  })
  const share = stage === 'canary' ? (options.share ?? canaryShare) : 1
  const promotion: ModelPromotion = {
    ...found,
    guardrails: before?.guardrails ?? found.guardrails,
    learning: before?.learning ?? false,
    share,
    reason: options.reason ?? '',
  }
  return put(around, promotion, options)
}

/** Takes a version out of use; what served before it serves again. */
export async function retireModel(
  around: Around,
  name: string,
  version: string,
  options: Omit<PromoteOptions, 'stage' | 'share'>,
): Promise<Promoted> {
  const { promotions } = playbookAt(await readPlaybook(around), null)
  const before = promotions.get(`${name}/${version}`)
  if (before === undefined)
    throw new Refused(`${name}/${version} was never promoted; there are ${[...promotions.keys()].join(', ') || 'none'}`)
  return put(around, { ...before, stage: 'retired', reason: options.reason ?? '' }, options)
}

async function put(around: Around, promotion: ModelPromotion, { models, by, at }: PromoteOptions): Promise<Promoted> {
  const { version } = await putRecords(around, JSON.stringify(promotion), { models, by, at })
  return { version, promotion, next: nextStep(promotion) }
}

function nextStep({ name, version, stage, guardrails }: ModelPromotion): string {
  const command = (verb: string): string => `\`offerstream model ${verb} ${name} ${version}\``
  const watched = guardrails.active ? '; the scorer retires it by itself when a guardrail trips' : ''
  switch (stage) {
    case 'shadow':
      return `scored and not used: compare with \`offerstream model status\`, then ${command('promote')} makes it a canary`
    case 'canary':
      return `used for its share of customers${watched}; ${command('promote')} makes it champion, ${command('retire')} ends it`
    case 'champion':
      return `used for everybody${guardrails.active ? `; held against the champion before it for ${guardrails.watchHours} hours` : ''}; ${command('retire')} goes back to that one`
    case 'retired':
      return `not used; ${command('promote')} makes it a shadow`
  }
}

async function versionsIn(folder: string): Promise<string[]> {
  const found: string[] = []
  const names = (at: string) => readdir(at, { withFileTypes: true }).catch(() => [])
  for (const model of await names(folder))
    if (model.isDirectory())
      for (const version of await names(join(folder, model.name)))
        if (version.isDirectory()) found.push(`${model.name}/${version.name}`)
  return found.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}

/** The newest decisions, as many of each partition. */
async function lastDecisions({ log, registry, prefix }: Around, last: number): Promise<Decision[]> {
  const topic = await openTopic(registry, 'decisions', prefix)
  const bounds = await log.bounds(topic.path)
  const decisions: Decision[] = []
  for (const [partition, { first, next }] of bounds.entries())
    for await (const messages of log.read(
      topic.path,
      partition,
      Math.max(first, next - Math.ceil(last / bounds.length)),
      next,
    )) {
      await topic.codec.learn(messages.map(message => message.value))
      for (const message of messages) {
        const reading = read(topic.codec, message)
        if ('value' in reading) decisions.push(reading.value)
      }
    }
  return decisions
}

/** Every version scored as a shadow, with the one that served. */
export function comparisonsOf(decisions: readonly Decision[]): readonly Comparison[] {
  const sums = new Map<string, { decisions: number; apart: number; choices: number; same: number }>()
  for (const { models, candidates } of decisions)
    for (const shadow of models) {
      const serving = models.find(({ name, stage }) => name === shadow.name && stage !== 'shadow')
      if (shadow.stage !== 'shadow' || serving === undefined || serving.failed !== null) continue
      const pairs: (readonly [ours: number, theirs: number, eligible: boolean])[] = []
      if (shadow.value !== null && serving.value !== null) pairs.push([shadow.value, serving.value, false])
      for (const [index, score] of shadow.scores.entries()) {
        const { score: served, refused } = candidates[index]!
        if (score !== null && served !== null) pairs.push([score, served, refused === null])
      }
      if (pairs.length === 0) continue
      const key = `${shadow.name}/${shadow.version} ${serving.name}/${serving.version}`
      const sum = sums.get(key) ?? { decisions: 0, apart: 0, choices: 0, same: 0 }
      sums.set(key, sum)
      sum.decisions++
      sum.apart += pairs.reduce((total, [ours, theirs]) => total + Math.abs(ours - theirs), 0) / pairs.length
      const eligible = pairs.filter(each => each[2])
      if (eligible.length < 2) continue
      sum.choices++
      if (likeliest(eligible, 0) === likeliest(eligible, 1)) sum.same++
    }
  return [...sums].map(([key, { decisions: count, apart, choices, same }]) => ({
    model: key.split(' ')[0]!,
    with: key.split(' ')[1]!,
    decisions: count,
    meanDifference: apart / count,
    sameTopChoice: choices === 0 ? null : same / choices,
  }))
}

const likeliest = (pairs: readonly (readonly [number, number, boolean])[], by: 0 | 1): number =>
  pairs.reduce((best, pair, index) => (pair[by] > pairs[best]![by] ? index : best), 0)
