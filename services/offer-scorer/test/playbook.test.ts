import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { emptyPlaybook } from '@offerstream/catalogue'
import type { PlaybookRecord } from '@offerstream/contracts'
import { createModels, modelsFolder } from '@offerstream/ranker'
import { memoryLog } from '@offerstream/streaming'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { createPast, type FollowedPlaybook, followPlaybook } from '../src/index.ts'
import { at, foldOf, records, topics } from './given.ts'

const opened: { stop(): Promise<void> }[] = []
afterEach(async () => {
  for (const each of opened.splice(0)) await each.stop()
})

async function following(folder = modelsFolder, watch: Parameters<typeof followPlaybook>[4] = null) {
  const log = memoryLog()
  await log.ensureTopics([{ name: 'playbook', partitions: 1, kept: 'for-ever' }])
  const append = (...all: readonly PlaybookRecord[]) =>
    log.append(
      'playbook',
      0,
      all.map(record => ({ key: record.body.name, value: topics.playbook.codec.encode(record) })),
    )
  await append(...records)
  const notices: string[] = []
  const models = createModels(folder)
  const playbook: FollowedPlaybook = await followPlaybook(
    log,
    topics.playbook,
    models,
    line => notices.push(line),
    watch,
  )
  opened.push(playbook, { stop: models.close })
  return { log, append, notices, playbook, models }
}
const promotion = records.at(-1)!.body
const item = records[0]!

describe('the followed playbook', () => {
  it('is the fold of the topic', async () => {
    const { playbook, append, notices } = await following()
    expect(playbook.current()).toEqual(foldOf(records))
    const cheaper = { ...item, body: { ...item.body, priceMinor: 555 } as PlaybookRecord['body'] }
    await append(cheaper)
    await playbook.catchUp()
    expect(playbook.current()).toEqual(foldOf([...records, cheaper]))
    expect(notices).toEqual([])
  })
  it('refuses to start where the only model promoted is missing, and says what to do', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'offerstream-models-'))
    await expect(following(empty)).rejects.toThrow(/plan-ranker\/1[\s\S]*OFFERSTREAM_MODELS/)
    rmSync(empty, { recursive: true })
  })
  it('sees what is added without being asked', async () => {
    const { playbook, append } = await following()
    await append(item)
    await expect.poll(() => playbook.current().version).toBe(records.length)
  })
  it('passes over a wrong record, names it, and moves its version on', async () => {
    const { playbook, append, notices } = await following()
    const before = playbook.current()
    await append({ ...item, body: { ...item.body, priceMinor: -1 } as PlaybookRecord['body'] })
    await playbook.catchUp()
    expect(playbook.current()).toEqual({ ...before, version: before.version + 1 })
    expect(notices.join()).toContain('priceMinor is -1, wanted more than 0')
  })
  it('keeps the old model while a promoted one is refused', async () => {
    const { playbook, append, notices } = await following()
    const { promotions } = playbook.current()
    await append({ at: 0, body: { ...promotion, version: '9' } as PlaybookRecord['body'] })
    await playbook.catchUp()
    expect(playbook.current().promotions).toBe(promotions)
    expect(notices.join()).toContain('model plan-ranker/9 cannot be read')
  })
  it('takes the promotion when the model is there by then', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'models-'))
    cpSync(modelsFolder, folder, { recursive: true })
    const { playbook, append, models } = await following(folder)
    await append({ at: 0, body: { ...promotion, stage: 'shadow' } as PlaybookRecord['body'] })
    await playbook.catchUp()
    expect([...playbook.current().promotions.values()].map(each => each.stage)).toEqual(['shadow'])
    rmSync(folder, { recursive: true })
    // Loaded from bytes: the file is no longer needed.
    await expect(models.load(promotion as never)).resolves.toBeDefined()
  })
  it('is no longer shown after a bug, rather than standing still unseen', async () => {
    const { playbook, append, models } = await following()
    models.load = () => Promise.reject(new TypeError('a bug'))
    await append(item, { at: 0, body: promotion })
    await playbook.catchUp()
    expect(() => playbook.current()).toThrow('a bug')
  })
  it('says once, and counts, when a new version can offer nothing to anybody, and which record does it', async () => {
    const counted: unknown[] = []
    const metrics = { record: (...each: unknown[]) => void counted.push(each), page: async () => '' }
    const { playbook, append, notices } = await following(modelsFolder, { clock: { now: () => at }, metrics })
    const policy = (offersPerWeek: number): PlaybookRecord => {
      const { body } = records.find(record => record.body.type === 'contact_policy')!
      return { at, body: { ...body, offersPerWeek } as PlaybookRecord['body'] }
    }
    expect(notices).toEqual([])
    await append(policy(0), policy(0))
    await playbook.catchUp()
    const plans = [...playbook.current().items.values()].length
    expect(notices).toEqual([
      `playbook version ${records.length} can offer nothing to anybody: ${plans} items weekly-cap by contact_policy default`,
    ])
    expect(counted).toEqual([['offerstream_playbooks_offering_nothing_total', 1, 'weekly-cap']])
    await append(policy(3), { at, body: { type: 'kill_switch', name: 'all', scope: 'global', target: null, on: true } })
    await playbook.catchUp()
    expect(notices).toHaveLength(2)
    expect(notices[1]).toContain('stopped by kill_switch all')
  })
  it('passes over bytes nobody can read', async () => {
    const { playbook, log, append, notices } = await following()
    await log.append('playbook', 0, [{ key: 'x', value: Buffer.from('nonsense') }])
    await append(item)
    await playbook.catchUp()
    expect(playbook.current().version).toBe(records.length + 1)
    expect(notices).toHaveLength(1)
  })
})

describe('the past', () => {
  it('has every version just as it was, asked for in any order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.constantFrom(...records)), { minLength: 1, maxLength: 200 }),
        fc.array(fc.nat(199), { maxLength: 20 }),
        (added, asked) => {
          const past = createPast()
          const versions = [emptyPlaybook]
          for (const [offset, record] of added.entries()) {
            past.add(record, offset * 2)
            versions.push(past.current())
          }
          for (const each of [...asked.map(index => index % added.length), -1])
            expect(past.at(each === -1 ? -1 : each * 2)).toEqual(versions[each + 1])
        },
      ),
      { numRuns: 50 },
    )
  })
  it('gives the same object for the same version, so that what follows from it is worked out once', () => {
    const past = createPast()
    for (const [offset, record] of records.entries()) past.add(record, offset)
    expect(past.at(3)).toBe(past.at(3))
  })
  it('refuses a version it never had', () => {
    const past = createPast()
    past.add(records[0]!, 0)
    expect(() => past.at(7)).toThrow('the playbook has no version 7, it is at 0')
  })
})
