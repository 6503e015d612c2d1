import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Decision } from '@offerstream/contracts'
import { modelsFolder, promotionOf } from '@offerstream/ranker'
import { playbookRecords } from '@offerstream/simulator'
import { memoryLog, memoryRegistry, memoryStore } from '@offerstream/streaming'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { split, writeTreeModel } from '../../ranker/test/write-model.ts'
import { comparisonsOf, modelStatus, promoteModel, retireModel } from '../src/model.ts'
import { historyOf, playbookAt, putRecords, readPlaybook } from '../src/playbook.ts'

const noon = Date.UTC(2026, 2, 2, 12)
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'models-'))
  cpSync(join(modelsFolder, 'plan-ranker', '1'), join(folder, 'plan-ranker', '1'), { recursive: true })
  writeTreeModel(folder, {
    ...{ name: 'plan-ranker', version: '2', kind: 'plan', features: [], pairs: ['price_to_charge'] },
    trees: [split(1.5, -1, -3)],
  })
})
afterEach(() => rmSync(folder, { recursive: true }))

async function opened() {
  const log = memoryLog()
  const registry = memoryRegistry()
  await log.ensureTopics([
    { name: 'playbook', partitions: 1, kept: 'for-ever' },
    { name: 'decisions', partitions: 2, kept: 'for-ever' },
  ])
  const around = { log, registry, prefix: '', store: memoryStore(), partitions: 2 }
  const options = { models: folder, by: 'mara', at: noon }
  const items = playbookRecords({ start: 0 }).map(({ body }) => body)
  await putRecords(around, JSON.stringify([...items, await promotionOf(modelsFolder, 'plan-ranker', '1')]), options)
  const status = () => modelStatus(around, { models: folder, last: 100 })
  return { around, options, status }
}

test('a version goes from the folder to shadow, canary and champion, and is taken back, each a record of the playbook', async () => {
  const { around, options, status } = await opened()
  expect((await status()).unpromoted).toEqual(['plan-ranker/2'])
  const promote = (more = {}) => promoteModel(around, 'plan-ranker', '2', { ...options, ...more })
  const shadow = await promote()
  expect(shadow.promotion).toMatchObject({ stage: 'shadow', share: 1 })
  expect(shadow.next).toContain('`offerstream model promote plan-ranker 2` makes it a canary')
  expect((await promote({ share: 0.2 })).promotion).toMatchObject({ stage: 'canary', share: 0.2 })
  expect((await promote({ reason: 'two good weeks' })).promotion).toMatchObject({ stage: 'champion', share: 1 })
  await retireModel(around, 'plan-ranker', '2', { ...options, reason: 'the third was not' })
  const rows = historyOf(await readPlaybook(around), 'plan-ranker').slice(1)
  expect(rows.map(({ by, changes }) => [by, changes.find(({ field }) => field === 'stage')?.to])).toEqual(
    ['shadow', 'canary', 'champion', 'retired'].map(stage => ['mara', stage]),
  )
  expect(rows.at(-1)!.changes).toContainEqual({
    ...{ field: 'reason', from: 'two good weeks', to: 'the third was not' },
  })
  const { models, playbookVersion, unpromoted } = await status()
  expect(models.map(({ name, version, stage }) => `${name}/${version} ${stage}`)).toEqual([
    'plan-ranker/1 champion',
    'plan-ranker/2 retired',
  ])
  expect(models[1]!.promotedIn).toBe(playbookVersion)
  expect(unpromoted).toEqual([])
  expect(playbookAt(await readPlaybook(around), null).version).toBe(playbookVersion)
})

test('what is not there, or must not serve, is refused by name and nothing is written', async () => {
  const { around, options, status } = await opened()
  const before = (await status()).playbookVersion
  await expect(promoteModel(around, 'plan-ranker', '7', options)).rejects.toThrow(
    /no model plan-ranker\/7 in .*; there are plan-ranker\/1, plan-ranker\/2/,
  )
  await expect(retireModel(around, 'plan-ranker', '2', options)).rejects.toThrow('was never promoted')
  cpSync(join(folder, 'plan-ranker', '1', 'model.onnx'), join(folder, 'plan-ranker', '2', 'model.onnx'))
  await expect(promoteModel(around, 'plan-ranker', '2', options)).rejects.toThrow(/has bytes of sha256/)
  expect((await status()).playbookVersion).toBe(before)
})

test('a shadow is compared with what served: how far apart, and how often the same is likeliest', async () => {
  const scored = (
    served: readonly (number | null)[],
    beside: readonly (number | null)[],
    refused: string | null = null,
  ): Decision =>
    ({
      models: [
        { name: 'm', version: '1', stage: 'champion', scores: [], value: null, failed: null },
        { name: 'm', version: '2', stage: 'shadow', scores: beside, value: null, failed: null },
        { name: 'upsell', version: '1', stage: 'champion', scores: [], value: 0.3, failed: null },
        { name: 'upsell', version: '2', stage: 'shadow', scores: [], value: 0.1, failed: null },
      ],
      candidates: served.map((score, index) => ({ score, refused: index === 0 ? refused : null })),
    }) as unknown as Decision
  const found = comparisonsOf([
    scored([0.1, 0.2], [0.2, 0.3]),
    scored([0.1, 0.2], [0.3, 0.2]),
    // One eligible candidate is no choice; one that is not scored says nothing.
    scored([0.1, 0.2], [0.3, 0.2], 'has-it'),
    scored([null, 0.2], [null, 0.2]),
  ])
  expect(found).toEqual([
    { model: 'm/2', with: 'm/1', decisions: 4, meanDifference: expect.closeTo(0.075, 9), sameTopChoice: 0.5 },
    { model: 'upsell/2', with: 'upsell/1', decisions: 4, meanDifference: expect.closeTo(0.2, 9), sameTopChoice: null },
  ])
})
