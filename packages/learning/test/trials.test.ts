import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { goalTable, learners } from '../src/goals.ts'
import { tInterval } from '../src/interval.ts'
import { createTrialStore, type Judgement, runTrials, type Trial } from '../src/trials.ts'

const trials: readonly Trial[] = [1, 2, 3].map(seed => ({ preset: 'hard', seed }))

describe('trials', () => {
  let dir: string
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'offerstream-trials-'))
  })
  afterAll(() => rmSync(dir, { recursive: true }))

  const run = async (key: string, most = Number.POSITIVE_INFINITY, failing = -1) => {
    const asked: number[] = []
    const result = await runTrials(
      trials,
      createTrialStore(join(dir, 'kept'), key),
      async ({ seed }): Promise<Judgement> => {
        asked.push(seed)
        if (seed === failing) throw new Error('no such table')
        return { metrics: { value: seed }, seconds: 1, notes: [] }
      },
      () => asked.length < most,
    )
    return { asked, ...result }
  }

  test('that were judged are not judged again; those for which there was no time are left', async () => {
    const first = await run('a', 2)
    expect([first.asked, first.left.map(({ seed }) => seed), first.known]).toEqual([[1, 2], [3], 0])
    const second = await run('a')
    expect([second.asked, second.left, second.known]).toEqual([[3], [], 2])
    expect(second.judged.map(({ seed, metrics }) => [seed, metrics['value']])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ])
  })

  test('by other settings or other code are judged anew', async () => {
    expect((await run('a')).asked).toEqual([])
    expect((await run('b')).asked).toEqual([1, 2, 3])
  })

  test('of a file that was cut is judged anew', async () => {
    await run('c')
    writeFileSync(join(dir, 'kept', 'hard', '2.json'), '{"key": "c", "met')
    expect((await run('c')).asked).toEqual([2])
  })

  test('that fail stop none of the others, and are tried again', async () => {
    const { failed, judged } = await run('d', 9, 2)
    expect(failed).toEqual([{ preset: 'hard', seed: 2, why: 'no such table' }])
    expect(judged.map(({ seed }) => seed)).toEqual([1, 3])
    expect((await run('d')).asked).toEqual([2])
  })
})

test('an interval by Student is the one worked by hand', () => {
  // Mean 2, deviation 1, t of two degrees of freedom 4.3027: 2 ± 4.3027 / √3.
  const { mean, low, high } = tInterval([1, 2, 3])
  expect([mean, low, high].map(each => each.toFixed(4))).toEqual(['2.0000', '-0.4842', '4.4842'])
  expect(tInterval([5]).low).toBeNaN()
})

describe('the table of goals', () => {
  const judged = (preset: string, metric: string, values: readonly number[]) =>
    values.map((value, seed) => ({ preset, seed, metrics: { [metric]: value }, seconds: 1, notes: [] }))
  const verdicts = (preset: string, metric: string, values: readonly number[], name: 'plans' | 'upsell' = 'plans') =>
    goalTable(learners[name], [preset], judged(preset, metric, values)).map(({ verdict }) => verdict)

  test('goes by the bound, not by the mean', () => {
    expect(verdicts('hard', 'chosenOverLadder', [1.69, 1.7, 1.71])[0]).toBe('reached')
    expect(verdicts('hard', 'chosenOverLadder', [1.4, 1.7, 2])[0]).toBe('missed')
    expect(verdicts('hard', 'chosenOverLadder', [2.1, 2.1, 2.11])[0]).toBe('stretch reached')
    expect(verdicts('hard', 'chosenOverLadder', [1.9])[0]).toBe('missed')
    expect(verdicts('hard', 'chosenOverLadder', [])[0]).toBe('not judged')
  })

  test('asks less of the best single plan where taste is strong', () => {
    expect(verdicts('strong-taste', 'chosenOverSinglePlan', [1.14, 1.15, 1.16])).toContain('reached')
    expect(verdicts('hard', 'chosenOverSinglePlan', [1.14, 1.15, 1.16])).not.toContain('reached')
  })

  test('holds an error against its upper bound', () => {
    expect(verdicts('A', 'ece', [0.002, 0.002, 0.0021], 'upsell')).toContain('reached')
    expect(verdicts('A', 'ece', [0.001, 0.002, 0.003], 'upsell')).not.toContain('reached')
  })

  test('names a gain where there is none to be had, and what passes a ceiling', () => {
    expect(verdicts('null', 'chosenOverLadder', [1, 1, 1])[0]).toBe('no gain claimed')
    expect(verdicts('null', 'chosenOverLadder', [1.1, 1.11, 1.1])[0]).toBe('GAIN CLAIMED')
    expect(verdicts('C', 'aucOverBayes', [0.01, 0.011, 0.012], 'upsell')).toContain('GAIN CLAIMED')
  })
})
