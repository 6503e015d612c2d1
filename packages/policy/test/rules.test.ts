import { checkRecord } from '@offerstream/catalogue'
import { defaults, type Rule } from '@offerstream/contracts'
import { describe, expect, it } from 'vitest'
import { stop } from '../src/examples.ts'
import { rules } from '../src/index.ts'
import { refusalOf } from '../src/rules.ts'
import { featureNames } from '../src/use.ts'
import { asked, packS } from './sample.ts'

describe.each(rules.map(rule => [rule.why, rule] as const))(
  '%s',
  (why, { allows, allowing, refusing, spares = [] }) => {
    it('allows its allowing example, and so does every other rule', () => {
      expect(allows(...asked(allowing))).toBe(true)
      expect(refusalOf(...asked(allowing))).toBeNull()
    })
    it('refuses its refusing example, and is the first to do so', () => {
      expect(allows(...asked(refusing))).toBe(false)
      expect(refusalOf(...asked(refusing))).toBe(why)
    })
    it.each(['mandatory', 'transactional'] as const)('holds for a %s item unless it spares it', obligation => {
      const [item, situation] = asked({ ...refusing, item: { ...refusing.item, obligation } })
      expect(refusalOf(item, situation)).toBe(spares.includes(obligation) ? null : why)
    })
    it('names only features there are, and only records that would be taken', () => {
      for (const example of [allowing, refusing]) {
        for (const name of Object.keys(example.features ?? {})) expect(featureNames).toContain(name)
        for (const body of example.playbook ?? [])
          if (body.type !== 'kill_switch') expect(checkRecord({ at: 0, body }, featureNames)).toEqual([])
      }
    })
  },
)

it('every rule has a reason of its own', () => expect(new Set(rules.map(rule => rule.why)).size).toBe(rules.length))

it('the contact policy comes last', () => {
  const stages = rules.map(rule => rule.stage)
  expect(stages.lastIndexOf('eligibility')).toBeLessThan(stages.indexOf('suitability'))
  expect(stages.lastIndexOf('suitability')).toBeLessThan(stages.indexOf('contact'))
})

describe('suitability', () => {
  it('asks nothing of a package', () => {
    const [, situation] = asked({ facts: { monthlyChargeMinor: 100 } })
    expect(refusalOf(packS, situation)).toBeNull()
  })
  it('takes a customer on an unknown plan without a charge as they come', () =>
    expect(refusalOf(...asked({ facts: { plan: 'plan-of-yore', monthlyChargeMinor: 0 } }))).toBeNull())
})

describe("marketing's rules", () => {
  const rule: Rule = {
    type: 'rule',
    name: 'not-for-the-busy',
    why: 'busy',
    active: true,
    when: [{ ...defaults.Predicate, subject: 'feature', field: 'purchases_90d', operator: 'gt', number: 2 }],
  }
  it('refuse for their own reason', () =>
    expect(refusalOf(...asked({ playbook: [rule], features: { purchases_90d: 3 } }))).toBe('busy'))
  it('say nothing of a customer whose feature is missing', () =>
    expect(refusalOf(...asked({ playbook: [rule] }))).toBeNull())
  it('rest while they are not active', () =>
    expect(refusalOf(...asked({ playbook: [{ ...rule, active: false }], features: { purchases_90d: 3 } }))).toBeNull())
  it('come after eligibility and before the contact policy', () => {
    const busy = { features: { purchases_90d: 3 } }
    expect(refusalOf(...asked({ ...busy, playbook: [rule], item: { stock: 0 } }))).toBe('out-of-stock')
    expect(refusalOf(...asked({ ...busy, playbook: [rule], facts: { consent: {} } }))).toBe('busy')
  })
})

describe('the kill switch', () => {
  it.each([
    ['everything', stop('global', null)],
    ['what a kind of trigger asks for', stop('campaign', 'purchase')],
    ['what one campaign asks for', stop('campaign', 'e1')],
  ])('stops %s', (_what, kill) => expect(refusalOf(...asked({ playbook: [kill] }))).toBe('stopped'))
  it('leaves providers to the dispatcher', () =>
    expect(refusalOf(...asked({ playbook: [stop('provider', 'web-push')] }))).toBeNull())
})

describe('consent', () => {
  it('given to push alone holds for every category', () =>
    expect(refusalOf(...asked({ facts: { consent: { push: true } } }))).toBeNull())
  it('that is missing means no', () =>
    expect(refusalOf(...asked({ facts: { consent: { email: true } } }))).toBe('no-consent'))
  it('revoked for push is revoked for every category', () =>
    expect(refusalOf(...asked({ facts: { consent: { push: false, 'push/standard': true } } }))).toBe('no-consent'))
})
