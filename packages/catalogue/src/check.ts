import type { CatalogueItem, Guardrails, ModelPromotion, PlaybookRecord, Predicate } from '@offerstream/contracts'
import { contactPolicyName } from './contact-policy.ts'
import { like } from './nearest.ts'
import { emptyPlaybook, type Playbook } from './playbook.ts'
import { ruleProblems } from './predicates.ts'
import { textProblems } from './text.ts'

type Body = PlaybookRecord['body']
type Check<Type extends Body['type']> = (
  body: Extract<Body, { readonly type: Type }>,
  known: {
    readonly features: readonly string[]
    readonly playbook: Playbook
    readonly triggers: readonly string[] | null
  },
) => string[]

/**
 * What is wrong with a record, each problem naming its field; empty where nothing is. `playbook` is the one it would
 * join: items and categories it names must be there, and money must be in the currency that is there. Rules may ask for
 * none but the `triggers`, where they are given.
 */
export function checkRecord(
  record: PlaybookRecord,
  features: readonly string[],
  playbook: Playbook = emptyPlaybook,
  triggers: readonly string[] | null = null,
): string[] {
  const { body } = record
  const check = checks[body.type] as Check<Body['type']>
  const problems = check(body as never, { features, playbook, triggers })
  if (body.name.trim() === '') problems.unshift('name is empty')
  return problems.map(problem => `${body.type} ${body.name}: ${problem}`)
}

const checks: { readonly [Type in Body['type']]: Check<Type> } = {
  item: (item, { playbook }) => [
    ...(item.kind === 'discount' ? atLeast(item, 'priceMinor', 0) : above(item, 'priceMinor', 0)),
    ...(['overageMinorPerGb', 'overageMinorPerMinute', 'overageMinorPerText', 'costMinor'] as const).flatMap(field =>
      atLeast(item, field, 0),
    ),
    ...(['quotaKb', 'minutes', 'texts', 'stock'] as const).flatMap(field =>
      item[field] === null ? [] : atLeast(item, field, 0),
    ),
    ...(['speedKbps', 'validityDays'] as const).flatMap(field => (item[field] === null ? [] : above(item, field, 0))),
    ...currency(item.currency, playbook),
    ...(item.obligation === 'none' && !item.needsConsent
      ? ['needsConsent is false, only a mandatory or transactional item goes without']
      : []),
    ...(item.channels.length === 0 ? ['channels is empty, wanted at least one'] : []),
    ...textProblems(item),
    ...linkProblems(item.link),
    ...period('availableFrom', item.availableFrom, 'availableTo', item.availableTo),
  ],
  rule: (rule, { features, playbook, triggers }) => [
    ...(rule.why.trim() === '' ? ['why is empty'] : []),
    ...(rule.when.length === 0 ? ['when is empty: it would refuse everything, use a kill switch'] : []),
    ...ruleProblems(rule.when, features, playbook.items.keys(), modelNames(playbook)).map(
      problem => `when: ${problem}`,
    ),
    ...(triggers === null ? [] : rule.when.flatMap(triggersAskedFor))
      .filter(kind => !triggers!.includes(kind))
      .map(kind => `when: trigger ${kind} is unknown${like(kind, triggers!)}`),
  ],
  lever: (lever, { playbook }) => [
    ...atLeast(lever, 'factor', 0),
    ...target(lever),
    ...knownItem(lever.item, playbook),
    ...knownCategory(lever.category, playbook),
    ...(lever.score === null || modelNames(playbook).has(lever.score)
      ? []
      : [`score: model ${lever.score} is unknown${like(lever.score, modelNames(playbook))}`]),
  ],
  budget: (budget, { playbook }) => [
    ...atLeast(budget, 'amountMinor', 0),
    ...target(budget),
    ...knownItem(budget.item, playbook),
    ...knownCategory(budget.category, playbook),
    ...currency(budget.currency, playbook),
    ...period('from', budget.from, 'to', budget.to),
  ],
  experiment: experiment => [
    ...(experiment.arms.length === 0 ? ['arms is empty'] : []),
    ...experiment.arms.flatMap(arm => share(`share of arm ${arm.name}`, arm.share)),
    ...(new Set(experiment.arms.map(arm => arm.name)).size < experiment.arms.length ? ['two arms share a name'] : []),
    ...sharesAddUp(experiment.arms.reduce((sum, arm) => sum + arm.share, 0)),
    ...period('from', experiment.from, 'to', experiment.to),
  ],
  model: (model, { playbook }) => [
    ...(/^[a-z0-9][a-z0-9-]*$/.test(model.name) ? [] : ['name is not lower-case words joined by hyphens']),
    ...(/^[A-Za-z0-9][\w.-]*$/.test(model.version) ? [] : [`version is ${model.version}, not a folder's name`]),
    ...(/^[0-9a-f]{64}$/.test(model.sha256) ? [] : ['sha256 is not 64 hexadecimal digits']),
    ...share('share', model.share),
    ...guardrailProblems(model.guardrails),
    ...(model.stage === 'canary' ? canariesFit(model, playbook) : []),
  ],
  kill_switch: (kill, { playbook }) => [
    ...(kill.scope === 'global' || kill.target ? [] : [`target is missing, scope ${kill.scope} needs one`]),
    ...(kill.scope === 'global' && kill.target ? [`target is ${kill.target}, scope global has none`] : []),
    ...(kill.scope === 'item' ? knownItem(kill.target, playbook) : []),
  ],
  contact_policy: policy => [
    ...(policy.name === contactPolicyName ? [] : [`name is ${policy.name}, wanted ${contactPolicyName}`]),
    ...share('explorationShare', policy.explorationShare),
    ...(
      [
        'minimumGapMinutes',
        'offersPerWeek',
        'offersPerItemPerMonth',
        'offersPerCategoryPerWeek',
        'sameItemGapDays',
        'rejectionCoolDownDays',
        'priceStepShare',
        'minimumValueMinor',
      ] as const
    ).flatMap(field => atLeast(policy, field, 0)),
    ...Object.entries(policy.offersPerChannelPerWeek).flatMap(([channel, cap]) =>
      cap >= 0 ? [] : [`offersPerChannelPerWeek of ${channel} is ${cap}, wanted 0 or more`],
    ),
    ...Object.entries(policy.campaignOffersPerMinute).flatMap(([campaign, rate]) =>
      rate > 0 ? [] : [`campaignOffersPerMinute of ${campaign} is ${rate}, wanted 1 or more; a kill switch stops one`],
    ),
    ...(policy.releaseSpreadMinutes >= 0 && policy.releaseSpreadMinutes <= 60
      ? []
      : [`releaseSpreadMinutes is ${policy.releaseSpreadMinutes}, wanted 0 to 60`]),
    ...above(policy, 'validHours', 0),
    ...(['quietFromHour', 'quietToHour'] as const).flatMap(field =>
      policy[field] >= 0 && policy[field] <= 23 ? [] : [`${field} is ${policy[field]}, wanted 0 to 23`],
    ),
  ],
}

const longestLink = 2048

/** Whoever clicks is sent there: over https, with nobody's password in it. */
function linkProblems(link: string | null): string[] {
  if (link === null) return []
  if (!URL.canParse(link)) return ['link is no address']
  const { protocol, username, password } = new URL(link)
  if (protocol !== 'https:') return [`link begins with ${protocol}, wanted https:`]
  if (username !== '' || password !== '') return ['link holds a user name or password']
  return link.length > longestLink ? [`link is ${link.length} characters long, ${longestLink} are allowed`] : []
}

type Numbers<Field extends string> = { readonly [Name in Field]: number | null }

const atLeast = <Field extends string>(body: Numbers<Field>, field: Field, least: number): string[] =>
  body[field]! >= least && Number.isFinite(body[field]) ? [] : [`${field} is ${body[field]}, wanted ${least} or more`]

const above = <Field extends string>(body: Numbers<Field>, field: Field, bound: number): string[] =>
  body[field]! > bound && Number.isFinite(body[field]) ? [] : [`${field} is ${body[field]}, wanted more than ${bound}`]

const share = (field: string, value: number): string[] =>
  value >= 0 && value <= 1 ? [] : [`${field} is ${value}, wanted 0 to 1`]

const sharesAddUp = (sum: number): string[] =>
  Math.abs(sum - 1) < 1e-9 ? [] : [`share: the arms' shares add up to ${Number(sum.toFixed(9))}, wanted 1`]

const period = (from: string, start: number | null, to: string, end: number | null): string[] =>
  start !== null && end !== null && end <= start ? [`${to} is not after ${from}`] : []

const target = (body: { readonly item: string | null; readonly category: string | null }): string[] =>
  body.item !== null && body.category !== null ? ['item and category are both given, wanted one of them'] : []

function currency(code: string, playbook: Playbook): string[] {
  if (!/^[A-Z]{3}$/.test(code)) return [`currency is ${code}, wanted three capital letters`]
  const { value: first } = playbook.items.values().next() as { value: CatalogueItem | undefined }
  return first === undefined || first.currency === code
    ? []
    : [`currency is ${code}, the catalogue is in ${first.currency}`]
}

/** Kinds of triggers that a rule compares with. */
function triggersAskedFor({ subject, field, text, texts, of }: Predicate): string[] {
  const own = subject === 'trigger' && field === 'kind' ? [...(text === null ? [] : [text]), ...texts] : []
  return [...own, ...of.flatMap(triggersAskedFor)]
}

/** Canaries of one model share its customers: together they cannot have more than all. */
function canariesFit(model: ModelPromotion, playbook: Playbook): string[] {
  const others = [...playbook.promotions.values()].filter(
    each => each.stage === 'canary' && each.name === model.name && each.version !== model.version,
  )
  const sum = others.reduce((total, each) => total + each.share, model.share)
  return sum > 1 + 1e-9
    ? [
        `share: canaries of ${model.name} add up to ${Number(sum.toFixed(9))} with ${others.map(each => each.version).join(', ')}, wanted 1 at most`,
      ]
    : []
}

const modelNames = (playbook: Playbook): ReadonlySet<string> =>
  new Set([...playbook.promotions.values()].map(({ name }) => name))

const guardrailProblems = (guardrails: Guardrails): string[] => [
  ...(guardrails.error > 0 && guardrails.error < 1 ? [] : [`error is ${guardrails.error}, wanted between 0 and 1`]),
  ...(['failedShare', 'fallbackShare'] as const).flatMap(field =>
    guardrails[field] > 0 && guardrails[field] < 1 ? [] : [`${field} is ${guardrails[field]}, wanted between 0 and 1`],
  ),
  ...(['meanRatio', 'offerRatio', 'rejectionRatio'] as const).flatMap(field => atLeast(guardrails, field, 1)),
  ...(['spreadShare', 'acceptanceRatio'] as const).flatMap(field => share(field, guardrails[field])),
  ...atLeast(guardrails, 'watchHours', 0),
]

function knownCategory(name: string | null, playbook: Playbook): string[] {
  const categories = new Set([...playbook.items.values()].map(item => item.category))
  return name === null || categories.size === 0 || categories.has(name)
    ? []
    : [`category ${name} is unknown${like(name, categories)}`]
}

function knownItem(name: string | null, playbook: Playbook): string[] {
  if (name === null || playbook.items.has(name)) return []
  return [`item ${name} is unknown${like(name, playbook.items.keys())}`]
}
