import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CustomerEvent } from '@offerstream/contracts'
import { describe, expect, it } from 'vitest'
import { triggersPage } from '../docs/triggers-page.ts'
import { type TriggerKind, triggers, triggerTable } from '../src/index.ts'
import {
  bought,
  campaign,
  day,
  delivered,
  described,
  engaged,
  firedBy,
  follow,
  history,
  hour,
  june,
  lasting,
  late,
  minute,
  offer,
  takenBack,
  tick,
  used,
} from './trigger-events.ts'

/** Given events, whether the last of them fires. */
type Case = readonly [says: string, given: readonly CustomerEvent[]]
type Cases = { readonly fires: readonly Case[]; readonly doesNot: readonly Case[] }

const plan = { kind: 'plan' }
const weekly = lasting(7)
const known = described({}, { quotaKb: 1_000 })
const noDevice = { reason: 'no-subscription' }
const refused = { reason: 'answered-400', device: 'device-1' }
const priceOf = (item: string) => ({ kind: 'price_change', item, fromMinor: 990, toMinor: 1_290 }) as const
const opened = engaged(june, 'opened', offer)

/** A trigger without cases does not compile. */
const cases: { readonly [Kind in TriggerKind]: Cases } = {
  purchase: {
    fires: [
      ['when a plan is bought', [bought(june, 'plan-m', plan)]],
      ['when a package is bought', [bought(june, 'package-1', { kind: 'package' })]],
      ['again after an hour', [bought(june, 'plan-m', plan), bought(june + hour, 'plan-l', plan)]],
      ['for one that took an hour into the journal', [late(bought(june, 'plan-m', plan), hour)]],
    ],
    doesNot: [
      ['for a sale', [bought(june, 'sale-1', { kind: 'sale' })]],
      ['for an item the catalogue does not know', [bought(june, 'what', { known: false })]],
      ['again within an hour', [bought(june, 'plan-m', plan), bought(june + hour - 1, 'plan-l', plan)]],
      ['for one that took longer than an hour', [late(bought(june, 'plan-m', plan), hour + 1)]],
      ['for imported history', [history(bought(june, 'plan-m', plan))]],
      ['for a purchase taken back', [takenBack(june + 1, june, 'plan-m', plan)]],
    ],
  },
  'allowance-used': {
    fires: [
      ['when 80 % are reached', [known, used(june, 799), used(june + 1, 1)]],
      ['again in the next month', [known, used(june, 800), used(june + 30 * day, 800)]],
    ],
    doesNot: [
      ['below that', [known, used(june, 799)]],
      ['twice a month', [known, used(june, 800), used(june + day, 1)]],
      ['when all is used at once, which is another trigger', [known, used(june, 1_000)]],
      ['where the plan has no quota', [described({}, { quotaKb: null }), used(june, 10_000)]],
      ['where nobody described the plan', [used(june, 10_000)]],
      ['for usage of a month that is over', [known, used(june, 1), late(used(june - 1, 900), hour)]],
    ],
  },
  'allowance-exhausted': {
    fires: [
      ['when the last of it is used', [known, used(june, 999), used(june + 1, 1)]],
      ['when it is used at once', [known, used(june, 1_500)]],
      ['again in the next month', [known, used(june, 1_000), used(june + 30 * day, 1_000)]],
    ],
    doesNot: [
      ['below that', [known, used(june, 999)]],
      ['twice a month', [known, used(june, 1_000), used(june + day, 500)]],
      ['for usage of a month that is over', [known, used(june, 1), late(used(june - 1, 1_100), hour)]],
    ],
  },
  'back-again': {
    fires: [
      ['at the first use after 14 days', [used(june, 1), used(june + 14 * day, 1)]],
      [
        'whatever else was done meanwhile',
        [used(june, 1), engaged(june + day, 'app_opened'), used(june + 15 * day, 1)],
      ],
    ],
    doesNot: [
      ['after less', [used(june, 1), used(june + 14 * day - 1, 1)]],
      ['at the first use ever', [used(june, 1)]],
      ['at the second use', [used(june, 1), used(june + 14 * day, 1), used(june + 14 * day + 1, 1)]],
      [
        'for a late use that was less than 14 days after the one before, by when it happened',
        [used(june, 1), engaged(june + 14 * day, 'app_opened'), late(used(june + 14 * day - hour, 1), 2 * hour)],
      ],
      ['for one that took longer than six hours', [used(june, 1), late(used(june + 14 * day, 1), 6 * hour + 1)]],
    ],
  },
  'app-opened': {
    fires: [
      ['when the app is opened', [engaged(june, 'app_opened')]],
      ['again after four hours', [engaged(june, 'app_opened'), engaged(june + 4 * hour, 'app_opened')]],
    ],
    doesNot: [
      ['when an offer is opened', [engaged(june, 'opened', offer)]],
      ['again within four hours', [engaged(june, 'app_opened'), engaged(june + 4 * hour - 1, 'app_opened')]],
      ['when a quarter of an hour has passed', [late(engaged(june, 'app_opened'), 15 * minute + 1)]],
    ],
  },
  'delivery-failed': {
    fires: [
      ['when no device can be reached', [delivered(june, noDevice)]],
      ["when the provider refuses it for this customer's device", [delivered(june, refused)]],
      ['again after a day', [delivered(june, noDevice), delivered(june + day, noDevice)]],
      [
        'an hour after the last sign of an outage',
        [delivered(june, { reason: 'provider-unavailable', device: 'd' }), delivered(june + hour, noDevice)],
      ],
    ],
    doesNot: [
      ['twice a day', [delivered(june, noDevice), delivered(june + day - 1, noDevice)]],
      ['for an offer that itself came from it', [delivered(june, { ...noDevice, trigger: 'delivery-failed' })]],
      ['when the provider is down', [delivered(june, { reason: 'provider-unavailable', device: 'device-1' })]],
      ['when the provider answers 503', [delivered(june, { reason: 'answered-503', device: 'device-1' })]],
      ['when it does not know our key', [delivered(june, { reason: 'answered-403', device: 'device-1' })]],
      [
        'within an hour of an outage',
        [delivered(june, { reason: 'answered-503', device: 'd' }), delivered(june + hour - 1, refused)],
      ],
      ['when the door refused it', [delivered(june, { reason: 'quiet-hours' })]],
      ['when it was never sent', [delivered(june, { state: 'suppressed', ...noDevice })]],
      [
        'when nobody knows whether it arrived',
        [delivered(june, { state: 'unknown', reason: 'timed-out', device: 'd' })],
      ],
      ['when it arrived', [delivered(june, { state: 'accepted', device: 'device-1' })]],
      ['when six hours have passed', [late(delivered(june, noDevice), 6 * hour + 1)]],
    ],
  },
  'price-change': {
    fires: [
      ['when the plan the customer has changes its price', [described(), campaign(june, priceOf('plan-s'))]],
      ['a day late at most', [described(), late(campaign(june, priceOf('plan-s')), day)]],
    ],
    doesNot: [
      ['for another plan', [described(), campaign(june, priceOf('plan-m'))]],
      ['for a customer nobody described', [campaign(june, priceOf('plan-s'))]],
      ['later than that', [described(), late(campaign(june, priceOf('plan-s')), day + 1)]],
      ['twice a day', [described(), campaign(june, priceOf('plan-s')), campaign(june + day - 1, priceOf('plan-s'))]],
    ],
  },
  'campaign-due': {
    fires: [
      ['when a campaign reaches the customer', [campaign(june)]],
      ['when a daily sale does', [campaign(june, { kind: 'daily_sale', item: 'sale-1' })]],
      ['for another campaign an hour later', [campaign(june), campaign(june + hour, { campaign: 'autumn' })]],
    ],
    doesNot: [
      ['for a price change, which is another trigger', [campaign(june, priceOf('plan-s'))]],
      ['for another campaign within the hour', [campaign(june), campaign(june + hour - 1, { campaign: 'autumn' })]],
      ['when twelve hours have passed', [late(campaign(june), 12 * hour + 1)]],
    ],
  },
  'package-expiring': {
    fires: [
      ['a day before a package ends', [bought(june, 'package-1', weekly), tick(june + 6 * day)]],
      ['six hours before one of a day ends', [bought(june, 'package-1', lasting(1)), tick(june + 18 * hour)]],
      ['six hours late at most', [bought(june, 'package-1', weekly), tick(june + 6 * day + 6 * hour)]],
      [
        'for the second one when it was bought again',
        [
          bought(june, 'package-1', weekly),
          bought(june + 5 * day, 'package-1', weekly),
          tick(june + 6 * day),
          tick(june + 11 * day),
        ],
      ],
      [
        'for the first one when the second was taken back',
        [
          bought(june, 'package-1', weekly),
          bought(june + 5 * day, 'package-1', weekly),
          takenBack(june + 5 * day + hour, june + 5 * day, 'package-1', weekly),
          tick(june + 6 * day),
        ],
      ],
    ],
    doesNot: [
      ['before that', [bought(june, 'package-1', weekly), tick(june + 6 * day - 1)]],
      ['twice', [bought(june, 'package-1', weekly), tick(june + 6 * day), tick(june + 6 * day + minute)]],
      ['later than that', [bought(june, 'package-1', weekly), tick(june + 6 * day + 6 * hour + 1)]],
      [
        'when it was bought again',
        [bought(june, 'package-1', weekly), bought(june + 5 * day, 'package-1', weekly), tick(june + 6 * day)],
      ],
      [
        'when it was taken back',
        [bought(june, 'package-1', weekly), takenBack(june + hour, june, 'package-1', weekly), tick(june + 6 * day)],
      ],
      [
        'for one that does not recur',
        [bought(june, 'package-1', { ...weekly, recurring: false }), tick(june + 6 * day)],
      ],
      ['for a plan', [bought(june, 'plan-m', { ...weekly, kind: 'plan' }), tick(june + 6 * day)]],
      ['for imported history', [history(bought(june, 'package-1', weekly)), tick(june + 6 * day)]],
    ],
  },
  'offer-not-taken': {
    fires: [
      ['a day after an offer was opened', [opened, tick(june + day)]],
      ['a day after a push was tapped', [delivered(june, { state: 'clicked' }), tick(june + day)]],
      ['twelve hours late at most', [opened, tick(june + day + 12 * hour)]],
      ['when something else was bought', [opened, bought(june + hour, 'package-2', {}), tick(june + day)]],
      [
        'when the purchase was taken back',
        [
          opened,
          bought(june + hour, 'package-1', {}),
          takenBack(june + 2 * hour, june + hour, 'package-1', {}),
          tick(june + day),
        ],
      ],
      [
        'a day after it was opened last',
        [opened, engaged(june + hour, 'opened', offer), tick(june + day), tick(june + day + hour)],
      ],
    ],
    doesNot: [
      ['before that', [opened, tick(june + day - 1)]],
      ['later than that', [opened, tick(june + day + 12 * hour + 1)]],
      ['when its item was bought', [opened, bought(june + hour, 'package-1', {}), tick(june + day)]],
      [
        'when the purchase came into the journal first',
        [late(bought(june + hour, 'package-1', {}), hour), late(opened, 2 * hour), tick(june + day)],
      ],
      [
        'when it was opened again after the purchase',
        [
          opened,
          bought(june + hour, 'package-1', {}),
          engaged(june + 20 * hour, 'opened', offer),
          tick(june + 44 * hour),
        ],
      ],
      ['when it was rejected', [opened, engaged(june + hour, 'rejected', offer), tick(june + day)]],
      ['when it was only displayed', [engaged(june, 'displayed', offer), tick(june + day)]],
      [
        'again within three days',
        [
          opened,
          tick(june + day),
          engaged(june + 2 * day, 'opened', { offer: 'offer-2', item: 'package-2' }),
          tick(june + 3 * day),
        ],
      ],
      ['for imported history', [history(opened), tick(june + day)]],
    ],
  },
}

describe.each(Object.keys(triggers) as TriggerKind[])('%s', kind => {
  const lastFires = (given: readonly CustomerEvent[]): boolean =>
    firedBy(...given)
      .at(-1)!
      .includes(kind)
  it.each(cases[kind].fires)('fires %s', (_, given) => expect(lastFires(given)).toBe(true))
  it.each(cases[kind].doesNot)('does not fire %s', (_, given) => expect(lastFires(given)).toBe(false))
})

describe('a trigger that fired', () => {
  it('names the event, the campaign, or what a moment concerns', () => {
    const app = engaged(june, 'app_opened')
    const given = [
      app,
      campaign(june),
      bought(june, 'package-2', weekly),
      opened,
      tick(june + day),
      tick(june + 6 * day),
    ]
    expect(follow(given).firings.flat()).toEqual([
      { kind: 'app-opened', of: (app.event as { id: string }).id, at: june },
      { kind: 'campaign-due', of: 'summer', at: june },
      { kind: 'purchase', of: (given[2]!.event as { id: string }).id, at: june },
      { kind: 'offer-not-taken', of: 'offer-1', at: june + day },
      { kind: 'package-expiring', of: 'package-2', at: june + 6 * day },
    ])
  })
})

describe('a customer', () => {
  it('with two moments is woken for one after the other, and then no more', () => {
    const given = [bought(june, 'package-1', weekly), engaged(june + hour, 'opened', { offer: 'o', item: 'package-2' })]
    const ticks = [day, day + hour, 6 * day, 8 * day].map(ms => tick(june + ms))
    const { firings, state } = follow([...given, ...ticks])
    expect(firings.map(each => each.map(({ kind }) => kind))).toEqual([
      ['purchase'],
      [],
      [],
      ['offer-not-taken'],
      ['package-expiring'],
      [],
    ])
    expect(state.watch).toMatchObject({ wokenAt: june + 6 * day, dueAt: null })
  })

  it('is not woken for a moment that was over before the journal knew of it', () => {
    const given = [used(june + 10 * day, 1), late(bought(june, 'package-1', weekly), 11 * day)]
    expect(follow(given).state.watch.dueAt).toBeNull()
  })
})

describe('docs/triggers.md', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/triggers.md'), 'utf8')

  it('is what the list says; pnpm generate writes it', () => {
    expect(page).toBe(triggersPage(triggerTable))
  })

  it('would be another page with another list', () => {
    const [first, ...others] = triggerTable
    expect(triggersPage([{ ...first!, maxAge: '2 hours' }, ...others])).not.toBe(page)
  })
})
