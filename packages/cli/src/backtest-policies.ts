// Which policies are compared, and the playbook each decides by.
import { readFile } from 'node:fs/promises'
import { applyRecord, checkRecord, nearest, type Playbook } from '@offerstream/catalogue'
import { type ArmPolicy, defaults, type PlaybookRecord } from '@offerstream/contracts'
import { fixedPolicy, loggingPolicy, noOfferPolicy, type Target, uniformPolicy } from '@offerstream/evaluation'
import { names } from '@offerstream/features'
import { followPlaybook } from '@offerstream/offer-scorer'
import { ModelRefused, type Models, promotionOf } from '@offerstream/ranker'
import { openTopic, Refused } from '@offerstream/streaming'
import type { BacktestOptions } from './backtest.ts'
import { parseRecords } from './playbook-records.ts'
import type { Past } from './replay-past.ts'

/** How a policy says what it would do. */
export type Policy =
  | { readonly name: string; readonly kind: 'over-the-log'; readonly target: Target }
  /** The item that earned most before the range, known once the log is read. */
  | { readonly name: string; readonly kind: 'best-fixed' }
  | DecidedAgain

/** The line's own decision once more, by a playbook made of the recorded one. */
export type DecidedAgain = {
  readonly name: string
  readonly kind: 'decided-again'
  readonly playbook: (recorded: Playbook) => Playbook
}

export type Policies = {
  /** Named by who asks; null for the usual ones. */
  readonly asked: readonly Policy[] | null
  readonly usual: { readonly own: readonly Policy[]; readonly imported: readonly Policy[] }
  /** What takes its place where everything is decided anew. Throws `Refused` for one that only makes sense over a log. */
  rolledOut(policy: Policy): DecidedAgain
  /** As recorded. */
  at(version: number): Playbook
  current(): Playbook
  stop(): Promise<void>
}

const armPolicies = [
  'champion',
  'no_levers',
  'propensity_only',
  'rules_only',
  'random_eligible',
  'no_offer',
] as const satisfies readonly ArmPolicy[]

const logging: Policy = { name: 'logging', kind: 'over-the-log', target: loggingPolicy }
const bestFixed: Policy = { name: 'best-fixed', kind: 'best-fixed' }

/** Throws `Refused` naming the record, field, model or policy that is wrong, and the nearest right one. */
export async function policiesOf(
  { log, registry, prefix }: Past,
  options: BacktestOptions,
  models: Models,
  notice: (line: string) => void,
): Promise<Policies> {
  const followed = await followPlaybook(log, await openTopic(registry, 'playbook', prefix), models, notice)
  try {
    const top = [
      ...(options.playbook === null ? [] : await recordsOf(options.playbook)),
      ...(options.model === null ? [] : [await promotion(options.models, options.model)]),
    ]
    let checked = followed.current()
    const problems: string[] = []
    for (const record of top) {
      problems.push(...checkRecord(record, names, checked))
      if (problems.length === 0) checked = applyRecord(checked, record, checked.version)
      const { body } = record
      if (body.type === 'model' && body.stage !== 'retired') await models.load(body).catch(refuseModel)
    }
    if (problems.length > 0) throw new Refused(problems.join('\n'))

    const withTop = remembered(
      (recorded: Playbook): Playbook =>
        top.reduce((all, record) => applyRecord(all, record, recorded.version), recorded),
    )
    const change = [options.playbook, options.model].filter(each => each !== null).join(' and ')
    const changed = (name: string): string => (change === '' ? name : `${name} with ${change}`)
    const arm = (policy: ArmPolicy): DecidedAgain => ({
      name: changed(policy),
      kind: 'decided-again',
      playbook: remembered((recorded: Playbook) => onlyArm(withTop(recorded), policy)),
    })
    const onTop: readonly Policy[] =
      top.length === 0 ? [] : [{ name: change, kind: 'decided-again', playbook: withTop }]
    const uniform: Policy = { name: 'random_eligible', kind: 'over-the-log', target: uniformPolicy }
    const none: Policy = { name: 'no_offer', kind: 'over-the-log', target: noOfferPolicy }
    const policyOf = (name: string): Policy => {
      if (name === 'logging') return logging
      if (name === 'best-fixed') return bestFixed
      if (name === 'random_eligible') return uniform
      if (name === 'no_offer') return none
      if (name.startsWith('fixed:')) {
        const item = name.slice('fixed:'.length)
        const { items } = followed.current()
        if (items.size > 0 && !items.has(item)) throw new Refused(`item ${item} is unknown${hint(item, items.keys())}`)
        return { name, kind: 'over-the-log', target: fixedPolicy(item) }
      }
      const found = armPolicies.find(each => each === name)
      if (found !== undefined) return arm(found)
      throw new Refused(
        `there is no policy ${name}${hint(name, [...armPolicies, 'logging', 'best-fixed'])}; there are logging, ${armPolicies.join(', ')}, best-fixed and fixed:ITEM`,
      )
    }
    const given = options.arms.filter(name => name !== 'logging').map(policyOf)
    return {
      asked:
        given.length + onTop.length === 0
          ? options.arms.length === 0
            ? null
            : [logging]
          : [logging, ...onTop, ...given],
      usual: {
        own: [logging, arm('champion'), uniform, none],
        imported: [logging, uniform, ...(options.from === null ? [] : [bestFixed])],
      },
      rolledOut(policy) {
        if (policy.kind === 'decided-again') return policy
        // As it was decided, experiments and all.
        if (policy.name === 'logging')
          return { name: policy.name, kind: 'decided-again', playbook: recorded => recorded }
        const found = armPolicies.find(each => each === policy.name)
        if (found !== undefined) return arm(found)
        throw new Refused(`${policy.name} cannot be rolled out: it only picks among what was logged`)
      },
      at: followed.at,
      current: followed.current,
      stop: followed.stop,
    }
  } catch (error) {
    await followed.stop()
    throw error
  }
}

/** Everybody in one arm. */
const onlyArm = (playbook: Playbook, policy: ArmPolicy): Playbook => ({
  ...playbook,
  experiments: new Map([
    [
      'backtest',
      {
        ...defaults.Experiment,
        name: 'backtest',
        arms: [{ name: policy, share: 1, policy }],
      },
    ],
  ]),
})

/** A playbook object is what its guide is kept by: the same one comes out for the same one. */
function remembered(change: (recorded: Playbook) => Playbook): (recorded: Playbook) => Playbook {
  const known = new WeakMap<Playbook, Playbook>()
  return recorded => {
    const found = known.get(recorded) ?? change(recorded)
    known.set(recorded, found)
    return found
  }
}

/** Records of a file, as `playbook put` reads them. */
async function recordsOf(file: string): Promise<PlaybookRecord[]> {
  try {
    const parsed = parseRecords(await readFile(file, 'utf8'), 0)
    const problems = parsed.flatMap(each => ('problems' in each ? each.problems : []))
    if (problems.length > 0) throw new Refused(problems.join('\n'))
    return parsed.flatMap(each => ('record' in each ? [each.record] : []))
  } catch (error) {
    throw new Refused(`${file}: ${(error as Error).message}`)
  }
}

async function promotion(folder: string, model: string): Promise<PlaybookRecord> {
  const [name, version, ...rest] = model.split('/')
  if (!name || !version || rest.length > 0)
    throw new Refused(`--model ${model}: wanted NAME/VERSION, like plan-ranker/1`)
  try {
    return { at: 0, body: await promotionOf(folder, name, version) }
  } catch (error) {
    throw new Refused(`model ${model} cannot be read from ${folder}: ${(error as Error).message}`)
  }
}

function refuseModel(error: unknown): never {
  throw error instanceof ModelRefused ? new Refused(error.message) : error
}

const hint = (name: string, known: Iterable<string>): string => {
  const like = nearest(name, known)
  return like === null ? '' : `, nearest is ${like}`
}
