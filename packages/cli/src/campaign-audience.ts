import { type Asking, compileRule } from '@offerstream/catalogue'
import type { Predicate, PredicateOperator } from '@offerstream/contracts'
import type { Reached } from '@offerstream/feature-updater'
import { empty, factsOf, names } from '@offerstream/features'
import { Refused } from '@offerstream/streaming'

const operators: Readonly<Record<string, PredicateOperator>> = {
  '<=': 'le',
  '>=': 'ge',
  '!=': 'ne',
  '<': 'lt',
  '>': 'gt',
  '=': 'eq',
}

/**
 * Whom a campaign concerns: every condition holds, such as `quiet_days >= 14` of a feature or `segment = young` of the
 * profile. What nobody knows of a customer holds in no condition. Throws `Refused` naming all that is wrong.
 */
export function audienceOf(conditions: readonly string[]): (reached: Reached) => boolean {
  const when = conditions.map(predicateOf)
  try {
    const { concerns } = compileRule({ type: 'rule', name: '--where', why: '--where', active: true, when }, names)
    // Only features and the profile are asked for, see `predicateOf`.
    return reached => concerns(reached as unknown as Asking)
  } catch (error) {
    throw new Refused((error as Error).message.replace('rule --where', '--where'))
  }
}

const profileFields = Object.keys(factsOf(empty))

function predicateOf(condition: string): Predicate {
  const found = /^\s*(\w+)\s*(<=|>=|!=|<|>|=)\s*(.+?)\s*$/.exec(condition)
  if (found === null) throw new Refused(`"${condition}" is no condition; wanted one like "quiet_days >= 14"`)
  const [, field = '', operator = '', value = ''] = found
  const number = Number(value)
  return {
    subject: profileFields.includes(field) ? 'customer' : 'feature',
    field,
    operator: operators[operator]!,
    number: Number.isNaN(number) ? null : number,
    text: Number.isNaN(number) ? value : null,
    numbers: [],
    texts: [],
    of: [],
  }
}
