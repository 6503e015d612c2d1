import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import {
  createModels,
  InfiniteInput,
  type Model,
  type ModelOptions,
  modelsFolder,
  openSession,
  promotionOf,
  type Session,
} from '../src/index.ts'
import type { Walker } from '../src/walker.ts'
import { split, writeTreeModel } from './write-model.ts'

/** The real walker, which throws whenever the test wants it to. */
const walking = vi.hoisted(() => ({ isBroken: false }))
vi.mock('../src/walker.ts', async original => {
  const real = await original<typeof import('../src/walker.ts')>()
  return {
    ...real,
    walkerOf(bytes: Uint8Array): Walker {
      const walker = real.walkerOf(bytes)
      const breakable = (...asked: Parameters<Walker>): Float32Array => {
        if (walking.isBroken) throw new Error('the walker is gone')
        return walker(...asked)
      }
      return Object.assign(breakable, { quick: walker.quick })
    },
  }
})

const promotion = await promotionOf(modelsFolder, 'plan-ranker', '1')
const width = 16
const rowsOf = (count: number): Float32Array =>
  Float32Array.from({ length: count * width }, (_, index) => Math.fround(Math.sin(index * 12.9898) * 3))

/** The real runtime, out of order whenever the test wants it to be. */
function runtime(): { broken: (() => Promise<never>) | null; calls: number; open: ModelOptions['open'] } {
  const state = {
    broken: null as (() => Promise<never>) | null,
    calls: 0,
    async open(bytes: Uint8Array): Promise<Session> {
      const session = await openSession(bytes)
      return {
        ...session,
        run(rows, count, output) {
          state.calls++
          return state.broken === null ? session.run(rows, count, output) : state.broken()
        },
      }
    },
  }
  return state
}
const failing = (): Promise<never> => Promise.reject(new Error('the runtime is gone'))
const hanging = (): Promise<never> => new Promise(() => {})

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close()
})
async function given(options: ModelOptions = {}) {
  const native = runtime()
  const fallen: [string, number, string][] = []
  const fellBack = (...told: [string, number, string]) => void fallen.push(told)
  const models = createModels(modelsFolder, { ...options, open: native.open!, fellBack })
  opened.push(models)
  const model: Model = await models.load(promotion)
  native.calls = 0
  return { native, fallen, model }
}

describe('while onnxruntime fails', () => {
  it('the walker serves with equal results, and every row of it is told', async () => {
    const { native, fallen, model } = await given()
    const before = await model.scorer.score(rowsOf(400), 400)
    expect(fallen).toEqual([])
    native.broken = failing
    const after = await model.scorer.score(rowsOf(400), 400)
    expect(fallen.map(([name, rows]) => [name, rows])).toEqual([150, 150, 100].map(rows => ['plan-ranker/1', rows]))
    expect(fallen[0]![2]).toBe('the runtime is gone')
    expect(after.some((score, row) => score !== before[row])).toBe(true)
    for (let row = 0; row < 400; row++) expect(Math.abs(after[row]! - before[row]!)).toBeLessThanOrEqual(1e-6)
  })
  it('it is left alone after a while, and taken back once it is well', async () => {
    const { native, fallen, model } = await given({ resetMs: 100 })
    native.broken = failing
    for (let run = 0; run < 20; run++) await model.scorer.score(rowsOf(1), 1)
    expect(fallen).toHaveLength(20)
    expect(native.calls).toBeLessThan(10)
    native.broken = null
    await sleep(150)
    const told = fallen.length
    await model.scorer.score(rowsOf(1), 1)
    expect(fallen).toHaveLength(told)
  })
})

it('where it takes too long, the walker serves', async () => {
  const { native, fallen, model } = await given({ timeoutMs: 30 })
  native.broken = hanging
  const scores = await model.scorer.score(rowsOf(3), 3)
  expect([...scores]).toEqual([...model.walker!(rowsOf(3), 3, 'probability')])
  expect(fallen[0]![2]).toMatch(/timed out/i)
})

it('an input no model may see is not taken for a failure', async () => {
  const { fallen, model } = await given()
  await expect(model.scorer.score(new Float32Array(width).fill(Infinity), 1)).rejects.toThrow(InfiniteInput)
  expect(fallen).toEqual([])
})

describe('batches', () => {
  const folder = mkdtempSync(join(tmpdir(), 'batches-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const about = { name: 'trees', version: '1', kind: 'plan', features: [], pairs: ['price_to_charge'] } as const
  writeTreeModel(folder, { ...about, trees: [split(10, 0.25, 0.5)] })

  it.each([
    ['by the walker where its trees are quick', { batches: true }, 0],
    ['by the runtime unless asked for', {}, 3],
  ])('are scored %s', async (_how, options, calls) => {
    const native = runtime()
    const models = createModels(folder, { ...options, open: native.open! })
    opened.push(models)
    const { scorer } = await models.load(await promotionOf(folder, 'trees', '1'))
    native.calls = 0
    const scores = await scorer.score(
      Float32Array.from({ length: 400 }, (_, row) => row % 20),
      400,
    )
    expect([scores[10], scores[11]]).toEqual([0.25, 0.5].map(margin => expect.closeTo(1 / (1 + Math.exp(-margin)), 6)))
    expect(native.calls).toBe(calls)
  })
  it('are scored by the runtime where the walker fails, with equal results, and every row is told', async () => {
    const fallen: [string, number, string][] = []
    const models = createModels(folder, { batches: true, fellBack: (...told) => void fallen.push(told) })
    opened.push(models)
    const { scorer } = await models.load(await promotionOf(folder, 'trees', '1'))
    const rows = Float32Array.from({ length: 40 }, (_, row) => row)
    const before = await scorer.score(rows, 40)
    walking.isBroken = true
    const after = await scorer.score(rows, 40).finally(() => {
      walking.isBroken = false
    })
    expect(fallen).toEqual([['trees/1', 40, 'the walker is gone']])
    for (let row = 0; row < 40; row++) expect(after[row]).toBeCloseTo(before[row]!, 6)
  })
  it('of another model are scored by the runtime', async () => {
    const { native, model } = await given({ batches: true })
    await model.scorer.score(rowsOf(400), 400)
    expect(native.calls).toBe(3)
  })
})
