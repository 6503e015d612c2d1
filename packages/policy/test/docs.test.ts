import { join } from 'node:path'
import { expect, it } from 'vitest'
import { type Example, noon } from '../src/examples.ts'
import { type EligibilityRule, rules } from '../src/index.ts'
import { asked } from './sample.ts'

const hour = 60 * 60 * 1000

/** Moments as they lie to noon. */
const moment = (at: number): string => {
  const hours = (at - noon) / hour
  const apart = Math.abs(hours)
  const span = apart >= 24 ? `${Number((apart / 24).toFixed(2))} d` : `${Number(apart.toFixed(2))} h`
  return apart === 0 ? 'noon' : `${span} ${hours < 0 ? 'before' : 'after'} noon`
}

/** What an example changes, records without their names and defaults. */
function shown({ playbook = [], ...rest }: Example): string {
  const records = playbook.map(body => {
    const plain = asked({}).at(1) as { guide: { policy: object } }
    const given = body.type === 'contact_policy' ? Object.entries(plain.guide.policy) : []
    const usual = new Map(given.map(([name, value]) => [name, JSON.stringify(value)]))
    return [
      body.type,
      Object.fromEntries(
        Object.entries(body).filter(
          ([name, value]) => name !== 'type' && name !== 'name' && usual.get(name) !== JSON.stringify(value),
        ),
      ),
    ] as const
  })
  const text = JSON.stringify({ ...rest, ...Object.fromEntries(records) }, (_, value: unknown) =>
    typeof value === 'number' && Math.abs(value - noon) < 1000 * 24 * hour ? moment(value) : value,
  )
  return text
    .slice(1, -1)
    .replaceAll('"', '')
    .replaceAll(/([:,])/g, '$1 ')
}

const line = ({ why, stage, spares = [], refusing }: EligibilityRule): string =>
  `| \`${why}\` | ${stage} | ${shown(refusing)} | ${spares.includes('mandatory') ? '' : 'held'} | ${spares.includes('transactional') ? '' : 'held'} |`

const page = `# Rules

Why a candidate may be refused, from the one list in \`packages/policy/src/rules.ts\`, in the order in which the rules are asked; marketing's own come before the first
\`contact\` rule. The example says how it differs from the plain one: at noon a customer of plan-m (20.00 EUR, ten gigabytes) who consents to push and was never offered
anything is considered for plan-l (30.00, thirty gigabytes). The last two columns say whether a mandatory or a transactional item is held to the rule.
[How to add one](tour/adding-a-rule.md).

| reason | stage | refuses, for example | mandatory | transactional |
|---|---|---|---|---|
${rules.map(line).join('\n')}
`

it('docs/rules.md is what the list says; `vitest -u` writes it', () =>
  expect(page).toMatchFileSnapshot(join(import.meta.dirname, '../../../docs/rules.md')))
