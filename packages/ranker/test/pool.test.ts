import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createModels, modelsFolder, openSession, promotionOf } from '../src/index.ts'
import { createPool, type Pool } from '../src/pool.ts'
import { type Tree, treeModel } from './tree-graph.ts'

const bytes = readFileSync(join(modelsFolder, 'plan-ranker/1/model.onnx'))
const width = 16
const rowsOf = (count: number, seed = 0): Float32Array =>
  Float32Array.from({ length: count * width }, (_, index) => Math.fround(Math.sin((index + seed) * 12.9898) * 3))

const pools: Pool[] = []
const poolOf = (threads: number): Pool => {
  const pool = createPool(threads)
  pools.push(pool)
  return pool
}
afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.close()
})
/** Threads this process has, by their message ports. */
const threads = () => process.getActiveResourcesInfo().filter(each => each === 'MessagePort').length

describe('a large batch in worker threads', () => {
  it('has the same scores, bit by bit, as in the main thread', async () => {
    const promotion = await promotionOf(modelsFolder, 'plan-ranker', '1')
    const [alone, beside] = [createModels(modelsFolder), createModels(modelsFolder, { threads: 2 })]
    const [here, there] = [(await alone.load(promotion)).scorer, (await beside.load(promotion)).scorer]
    const before = threads()
    await there.score(rowsOf(150), 150)
    expect(threads()).toBe(before)
    for (const count of [3000, 20_011]) {
      expect(await there.score(rowsOf(count), count)).toEqual(await here.score(rowsOf(count), count))
      expect(threads()).toBeGreaterThan(before)
    }
    await Promise.all([alone.close(), beside.close()])
    expect(threads()).toBe(before)
  })
  it('of trees has them too', async () => {
    const deep = (depth: number, at: number): Tree =>
      depth === 0
        ? { leaf: Math.sin(at) / 10 }
        : {
            column: at % width,
            threshold: Math.cos(at) * 2,
            missingHolds: at % 2 === 0,
            holds: deep(depth - 1, 2 * at),
            fails: deep(depth - 1, 2 * at + 1),
          }
    const trees = Array.from({ length: 50 }, (_, index) => deep(5, index + 1))
    const model = treeModel({ width, trees, mode: 'BRANCH_LEQ', double: true })
    const session = await openSession(model)
    const run = poolOf(1).runOf(model)
    expect(await run(rowsOf(1500), 1500, 'probability')).toEqual(
      (await session.run(rowsOf(1500), 1500, 'probability')).slice(),
    )
    await session.close()
  })
})

describe('the pool', () => {
  it('answers each of many callers with its own, in more parts than it takes at once', async () => {
    const run = poolOf(2).runOf(bytes)
    const session = await openSession(bytes)
    const answers = await Promise.all(Array.from({ length: 30 }, (_, seed) => run(rowsOf(5, seed), 5, 'probability')))
    for (const [seed, scores] of answers.entries())
      expect([...scores]).toEqual([...(await session.run(rowsOf(5, seed), 5, 'probability'))])
    await session.close()
  })
  it('leaves the rows to whoever gave them', async () => {
    const rows = rowsOf(5)
    await poolOf(1).runOf(bytes)(rows, 5, 'probability')
    expect(rows).toEqual(rowsOf(5))
  })
  it('says why a model cannot be run, and runs the others', async () => {
    const pool = poolOf(1)
    await expect(pool.runOf(new Uint8Array([1, 2, 3]))(rowsOf(1), 1, 'probability')).rejects.toThrow(/protobuf|parse/i)
    await expect(pool.runOf(bytes)(rowsOf(1), 1, 'nothing')).rejects.toThrow('nothing')
    expect(await pool.runOf(bytes)(rowsOf(1), 1, 'probability')).toHaveLength(1)
  })
  it('finishes what it has before it closes, and takes nothing after', async () => {
    const pool = createPool(1)
    const run = pool.runOf(bytes)
    const underWay = run(rowsOf(1500), 1500, 'probability')
    await Promise.resolve()
    await pool.close()
    expect(await underWay).toHaveLength(1500)
    await expect(run(rowsOf(1), 1, 'probability')).rejects.toThrow('closed')
  })
})
