import type { CatalogueItem, Decision, PlaybookRecord } from '@offerstream/contracts'
import { emptyHistory } from '@offerstream/policy'
import { createModels, modelsFolder } from '@offerstream/ranker'
import { afterAll, describe, expect, it } from 'vitest'
import { createPast, createScorer } from '../src/index.ts'
import { at, received, records, topics, updateOf } from './given.ts'

const models = createModels(modelsFolder)
afterAll(() => models.close())

const first = records.map(({ body }) => body)
const item = first.find((body): body is CatalogueItem => body.type === 'item' && body.name === 'smart-10')!
const launched: CatalogueItem = { ...item, name: 'launched', availableFrom: at + 1000, availableTo: at + 2000 }

/** The records, then one change after the other; a version for each offset. */
const past = createPast()
const changes: readonly CatalogueItem[] = [
  launched,
  { ...item, priceMinor: item.priceMinor + 100, marginMinor: item.marginMinor + 100 },
  { ...item, withdrawn: true },
]
for (const [offset, body] of [...first, ...changes].entries()) past.add({ at: 0, body } as PlaybookRecord, offset)
const [launch, price, withdrawal] = changes.map((_, index) => first.length + index) as [number, number, number]

async function decideAt(version: number, moment: number): Promise<Decision> {
  const scorer = createScorer({ ...topics, playbook: () => past.at(version), models })
  const record = received(updateOf('c1', { at: moment }))
  const [prepared] = await scorer.prepare!([record])
  const outcome = scorer.step(emptyHistory, record, prepared!)
  if (outcome.kind !== 'done') throw new Error(outcome.reason)
  return outcome.emit[0]!.value as Decision
}
const candidate = async (name: string, version: number, moment = at) =>
  (await decideAt(version, moment)).candidates.find(each => each.item === name)

describe('within one version of the playbook', () => {
  it.each([
    ['before its launch', 999, false],
    ['from its launch on', 1000, true],
    ['until the moment it ends', 1999, true],
    ['from that moment on', 2000, false],
  ])('an item is considered by its dates: %s', async (_when, after, there) =>
    expect((await candidate('launched', launch, at + after)) !== undefined).toBe(there),
  )
  it('an offer does not outlive its item', async () => {
    const alone = createPast()
    for (const [offset, body] of [
      ...first.filter(each => each.type !== 'item'),
      { ...launched, marginMinor: 1e6 },
    ].entries())
      alone.add({ at: 0, body } as PlaybookRecord, offset)
    const scorer = createScorer({ ...topics, playbook: alone.current, models })
    const record = received(updateOf('c1', { at: at + 1500 }))
    const [prepared] = await scorer.prepare!([record])
    const outcome = scorer.step(emptyHistory, record, prepared!)
    expect(outcome.kind === 'done' && outcome.emit[0]!.value).toMatchObject({
      chosen: 'launched',
      expiresAt: at + 2000,
    })
  })
})

describe('from one offset to the next', () => {
  it('an item is launched', async () => {
    expect(await candidate('launched', launch - 1, at + 1500)).toBeUndefined()
    expect(await candidate('launched', launch, at + 1500)).toBeDefined()
  })
  it('a price changes what an offer is worth, and nothing that was decided before', async () => {
    const before = await candidate(item.name, price - 1)
    const after = await candidate(item.name, price)
    expect(after!.pairs).not.toEqual(before!.pairs)
    expect(after!.valueMinor).not.toBe(before!.valueMinor)
    expect(await candidate(item.name, launch)).toEqual(before)
  })
  it('an item is withdrawn', async () => {
    expect(await candidate(item.name, withdrawal - 1)).toBeDefined()
    expect(await candidate(item.name, withdrawal)).toBeUndefined()
  })
})
