import type { PlaybookRecord } from '@offerstream/contracts'

type Body = PlaybookRecord['body']
type BodyOf<Type extends Body['type']> = Extract<Body, { readonly type: Type }>

/** Where each kind of record is kept, and what tells its members apart. */
const places = {
  item: 'items',
  rule: 'rules',
  lever: 'levers',
  budget: 'budgets',
  experiment: 'experiments',
  model: 'promotions',
  kill_switch: 'killSwitches',
  contact_policy: 'contactPolicies',
} as const satisfies Record<Body['type'], string>

/** What decisions go by, as it stood at one offset of the `playbook` topic. Maps are in order of first appearance. */
export type Playbook = {
  /** Offset of the newest record applied; -1 for none. */
  readonly version: number
  /** The record that put each promotion where it stands: its offset, and the moment it names. */
  readonly promoted: ReadonlyMap<string, { readonly version: number; readonly at: number }>
} & { readonly [Type in Body['type'] as (typeof places)[Type]]: ReadonlyMap<string, BodyOf<Type>> }

export const emptyPlaybook: Playbook = {
  version: -1,
  promoted: new Map(),
  items: new Map(),
  rules: new Map(),
  levers: new Map(),
  budgets: new Map(),
  experiments: new Map(),
  promotions: new Map(),
  killSwitches: new Map(),
  contactPolicies: new Map(),
}

/** The playbook after one more record; the one given stays as it was. */
export function applyRecord(playbook: Playbook, record: PlaybookRecord, offset: number): Playbook {
  const { body } = record
  const place = places[body.type]
  const members = new Map<string, Body>(playbook[place])
  let { promoted } = playbook
  if (body.type === 'model') {
    promoted = new Map(promoted).set(promotionKey(body), { version: offset, at: record.at })
    // A promotion moves to the end: the newest champion of a model is the last one in order.
    members.delete(promotionKey(body))
    members.set(promotionKey(body), body)
  } else members.set(body.name, body)
  return { ...playbook, [place]: members, promoted, version: offset }
}

/** The playbook after a record that was refused: only its version moves on. */
export const passOver = (playbook: Playbook, offset: number): Playbook => ({ ...playbook, version: offset })

export const promotionKey = (model: { readonly name: string; readonly version: string }): string =>
  `${model.name}/${model.version}`
