// What an explanation says, part by part, for a terminal, a pipe or a page.
import type { Change, ChangedRecord, Explanation, Verdict } from '@offerstream/offer-scorer'
import type { Explained, Known } from './explain.ts'

export type Section = {
  readonly title: string
  readonly lines: readonly string[]
  /** The first is the heads of the columns. */
  readonly rows: readonly (readonly string[])[]
}

export function sectionsOf({ customer, explanation, known, onTop, searched }: Explained): readonly Section[] {
  if (explanation !== null) return explanationSections(explanation, onTop)
  const looked = `looked at ${searched.records} decisions of the partition${searched.since === null ? '' : `, back to ${searched.since.slice(0, 16).replace('T', ' ')}`}; --days looks further back`
  return known === null
    ? [{ title: `Customer ${customer}: nothing was found`, lines: [looked], rows: [] }]
    : knownSections(customer, known, looked)
}

function explanationSections(of: Explanation, onTop: boolean): readonly Section[] {
  const shadows = [...new Set(of.candidates.flatMap(each => each.shadows.map(({ model }) => model)))]
  const pairs = [...new Set(of.candidates.flatMap(each => Object.keys(each.pairs)))]
  const { playbook } = of
  const timeline = [
    ...of.pushes.map(each => [
      each.at,
      `push ${each.state}`,
      [each.reason, each.provider, each.channel].filter(word => word !== null && word !== '').join(', '),
    ]),
    ...of.answers.map(each => [each.at, each.what, `${each.item ?? ''}${each.accepted ? ', the offer accepted' : ''}`]),
  ].sort((a, b) => (a[0] as number) - (b[0] as number))
  const sections: Section[] = [
    {
      title: `Customer ${of.customer}, decision ${of.decision}`,
      lines: [
        `${time(of.at)}  ${of.trigger.kind} (${of.trigger.event}) led to ${of.chosen === null ? 'no offer' : `an offer of ${of.chosen}`}: ${of.reason}, ${of.says}`,
        `propensity ${short(of.propensity)}, of no offer ${short(of.noOfferPropensity)}; ${of.explored ? 'explored' : 'not explored'}, draw ${short(of.draw)}`,
        ...(of.offer === null
          ? []
          : [
              `offer ${of.offer.sequence} on ${of.offer.channel}, until ${time(of.offer.expiresAt)}${of.offer.text === null ? '' : `: "${of.offer.text}"`}`,
            ]),
        `arms ${of.arms.map(({ experiment, arm }) => `${experiment}=${arm}`).join(' ') || 'none'}; models ${of.models.map(modelText).join(', ') || 'none'}`,
        playbookText(playbook),
        ...playbook.changedSince.slice(0, mostChanges).map(each => `  ${changeText(each)}`),
        ...more(playbook.changedSince.length - mostChanges),
      ],
      rows: [],
    },
    {
      title: 'Candidates',
      lines: [],
      rows: [
        [
          'rank',
          'item',
          'score',
          ...shadows.map(model => `shadow ${model}`),
          'uplift',
          'value',
          'propensity',
          'reserved',
          'verdict',
        ],
        ...of.candidates.map(each => [
          each.rank === null ? '–' : `${each.rank}`,
          each.item,
          short(each.score),
          ...shadows.map(model => short(each.shadows.find(shadow => shadow.model === model)?.score ?? null)),
          short(each.uplift),
          short(each.valueMinor),
          short(each.propensity),
          each.reservations
            .map(({ resource, granted }) => `${resource} ${granted ? 'granted' : 'refused'}`)
            .join(', ') || '–',
          each.refused === null
            ? each.verdict === 'eligible' && each.rank === null
              ? 'eligible, not ranked'
              : each.verdict
            : `refused: ${each.refused}, ${each.says}`,
        ]),
      ],
    },
    ...(of.again === null ? [] : [againSection(of.again, onTop)]),
    {
      title: 'Limits',
      lines: of.offered.map(
        ({ at, item, channel, capped }) =>
          `${time(at)}  offered ${item} on ${channel || 'nothing'}${capped ? '' : ', not counted'}`,
      ),
      rows: [
        ['used', 'of', 'what'],
        ...of.caps.map(({ what, used, limit }) => [`${used}`, `${limit}`, what]),
        ...of.budgets.map(({ name, spentMinor, amountMinor }) => [
          money(spentMinor),
          amountMinor === null ? 'unknown' : money(amountMinor),
          `budget ${name}`,
        ]),
      ],
    },
    {
      title: 'What followed',
      lines: of.followedWhole ? [] : ['more may have followed than was looked at'],
      rows: timeline.map(([at, what, more]) => [time(at as number), `${what}`, `${more}`]),
    },
    {
      title: 'Features',
      lines:
        Object.keys(of.features).length > 0
          ? []
          : [`of another list of features than this version's (${of.fingerprint || 'none was logged'})`],
      rows: Object.entries(of.features).map(([name, value]) => [name, valueText(value)]),
    },
  ]
  const paired = of.candidates.filter(each => Object.keys(each.pairs).length > 0)
  const shown = paired.slice(0, mostPaired)
  if (shown.length > 0)
    sections.push({
      title: 'Pair features',
      lines:
        paired.length > mostPaired ? [`of the first ${mostPaired} of ${paired.length} scored; --json has all`] : [],
      rows: [
        ['feature', ...shown.map(({ item }) => item)],
        ...pairs.map(name => [name, ...shown.map(each => (name in each.pairs ? valueText(each.pairs[name]!) : '–'))]),
      ],
    })
  return sections.filter(({ lines, rows }) => lines.length + rows.length > 0)
}

function playbookText({ version, writtenAt, by, record, changedSince, now }: Explanation['playbook']): string {
  if (version === -1) return 'no playbook was known'
  const put = writtenAt === null ? '' : `, put ${time(writtenAt)}${by === null ? '' : ` by ${by}`} (${record})`
  const since = changedSince.length === 0 ? 'nothing changed since' : `changed since, now version ${now}:`
  return `playbook version ${version}${put}; ${since}`
}

function againSection(again: NonNullable<Explanation['again']>, onTop: boolean): Section {
  const { now, was } = again
  // How likely each is drawn hangs on how many are eligible: that alone is not worth a line.
  const bare = (of: Verdict | null): string => JSON.stringify({ ...of, propensity: 0 })
  const telling = again.changed.filter(each => bare(each.was) !== bare(each.now))
  const others = again.changed.length - telling.length
  const choice = (of: typeof was): string =>
    `${of.chosen ?? 'no offer'} (${of.reason}, propensity ${short(of.propensity)})`
  return {
    title: `Decided again by today's playbook, version ${again.playbookVersion}${onTop ? ', with the records given on top' : ''}`,
    lines: [
      ...(again.refused !== null
        ? [`it cannot be: ${again.refused}`]
        : again.same
          ? ['the same, to the last verdict']
          : JSON.stringify(was) === JSON.stringify(now)
            ? [`chosen as before: ${choice(was)}`]
            : [`was ${choice(was)}`, `now ${choice(now!)}, because of ${again.because.join(', ')}`]),
      ...again.causes.map(each => `  ${changeText(each)}`),
      ...(others === 0 ? [] : [`${others} more differ in propensity alone; --json has them`]),
      ...again.notes.map(note => `left out: ${note}`),
    ],
    rows:
      telling.length === 0
        ? []
        : [
            ['item', 'was', 'now', 'because of'],
            ...telling.map(({ item, was: before, now: after, because }) => [
              item,
              verdictText(before),
              verdictText(after),
              because.join(', '),
            ]),
          ],
  }
}

function knownSections(customer: string, known: Known, looked: string): readonly Section[] {
  const fired = known.triggers.filter(({ firedAt }) => firedAt !== null)
  return [
    {
      title: `Customer ${customer}: no decision was found`,
      lines: [
        `last event ${known.lastEventAt.slice(0, 19).replace('T', ' ')}; ${looked}`,
        fired.length === 0
          ? 'no trigger fired, so nothing asked for a decision:'
          : `${fired.map(({ kind, firedAt }) => `${kind} fired ${firedAt!.slice(0, 19).replace('T', ' ')}`).join(', ')}: the scorer has not come to it, or could not decide (see the dead letters of feature-updates), or it is longer ago than was looked at`,
      ],
      rows: [
        ['trigger', 'events seen', 'fires when'],
        ...known.triggers.map(({ kind, says, events, imported }) => [
          kind,
          `${events}${imported === 0 ? '' : `, ${imported} of them history, which sets off nothing`}`,
          says,
        ]),
      ],
    },
    {
      title: 'Features',
      lines: [],
      rows: Object.entries(known.features).map(([name, value]) => [name, valueText(value)]),
    },
  ]
}

const mostChanges = 10
const mostPaired = 6
const more = (count: number): string[] => (count > 0 ? [`  and ${count} more`] : [])

const changeText = ({ type, name, changes }: ChangedRecord): string =>
  `${type} ${name}: ${isNew(changes) ? 'new' : changes.map(({ field, from, to }) => `${field} ${plain(from)} → ${plain(to)}`).join(', ')}`
/** One field of each kind of record that is never null in one that was there. */
const neverNull = new Set(['priceMinor', 'when', 'factor', 'amountMinor', 'arms', 'sha256', 'on', 'validHours'])
const isNew = (changes: readonly Change[]): boolean =>
  changes.some(({ field, from }) => neverNull.has(field) && from === null)
const plain = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

const verdictText = (of: Verdict | null): string =>
  of === null
    ? 'no candidate'
    : of.refused !== null
      ? `refused: ${of.refused}`
      : `rank ${of.rank ?? '–'}, score ${short(of.score)}, value ${short(of.valueMinor)}, propensity ${short(of.propensity)}`

const time = (at: number): string => new Date(at).toISOString().replace('T', ' ').slice(0, 19)
const money = (minor: number): string => (minor / 100).toFixed(2)
const short = (value: number | null): string => (value === null ? '–' : Number(value.toPrecision(4)).toString())
const valueText = (value: number | null): string =>
  value === null ? 'missing' : Number(value.toPrecision(6)).toString()

const modelText = ({ name, version, stage, value, failed }: Explanation['models'][number]): string =>
  `${name}/${version} ${stage}${value === null ? '' : ` ${short(value)}`}${failed === null ? '' : `, failed: ${failed}`}`
