import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadModel, type Manifest, ModelRefused, modelsFolder, walkerOf } from '../src/index.ts'
import { answers, edgeRows, farthest, folderParity } from './parity.ts'
import { type Tree, treeModel } from './tree-graph.ts'

/** Every version of every model under models/, champions or not. */
const shipped = readdirSync(modelsFolder).flatMap(name =>
  readdirSync(join(modelsFolder, name)).map(version => `${name}/${version}`),
)

describe('every model in the repository', () => {
  it.each(shipped)('%s: runtime, walker and golden rows agree, at every threshold too', async model => {
    const { rows, largest, golden, otherChoice } = await folderParity(join(modelsFolder, model))
    expect(rows).toBeGreaterThanOrEqual(1000)
    expect(largest).toBeLessThanOrEqual(1e-6)
    expect(golden).toBeLessThanOrEqual(1e-6)
    expect(otherChoice).toBe(0)
  })
})

describe('thresholds rounded to the nearest float', () => {
  const width = 4
  const random = generator(5)
  const grow = (depth: number): Tree =>
    depth === 0
      ? { leaf: random() - 0.5 }
      : {
          column: Math.floor(random() * width),
          threshold: random() * 2 - 1,
          missingHolds: random() < 0.5,
          holds: grow(depth - 1),
          fails: grow(depth - 1),
        }
  const trees = Array.from({ length: 30 }, () => grow(4))
  const rounded = (tree: Tree): Tree =>
    'leaf' in tree
      ? tree
      : { ...tree, threshold: Math.fround(tree.threshold), holds: rounded(tree.holds), fails: rounded(tree.fails) }
  const graph = (of: readonly Tree[]) => treeModel({ width, trees: of, mode: 'BRANCH_LEQ', double: true })
  const real = Float32Array.from({ length: 1000 * width }, () => random() * 2 - 1)
  const off = async (rows: Float32Array, of: readonly Tree[]) => {
    const [native] = await answers(graph(of), rows, width, 'probability', 'preference')
    return farthest(native, walkerOf(graph(trees))(rows, rows.length / width, 'probability'))
  }
  it('are seen on edge rows, which exact ones pass', async () => {
    const rows = edgeRows(graph(trees), real, width)
    expect(await off(rows, trees)).toBeLessThanOrEqual(1e-6)
    expect(await off(rows, trees.map(rounded))).toBeGreaterThan(1e-3)
  })
  it('would pass unseen on ordinary rows', async () =>
    expect(await off(real, trees.map(rounded))).toBeLessThanOrEqual(1e-6))
})

describe('damaged files', () => {
  const bytes = readFileSync(join(modelsFolder, 'plan-ranker/1/model.onnx'))
  const random = generator(11)
  const flipped = (...bits: readonly number[]): Uint8Array => {
    const damaged = Uint8Array.from(bytes)
    for (const bit of bits) damaged[bit >> 3]! ^= 1 << (bit & 7)
    return damaged
  }
  const anyBits = () =>
    Array.from({ length: 1 + Math.floor(random() * 8) }, () => Math.floor(random() * bytes.length * 8))
  const inCopy = async (
    test: (refusal: (damaged: Uint8Array, own?: boolean) => Promise<Error | null>) => Promise<void>,
  ) => {
    const folder = mkdtempSync(join(tmpdir(), 'damaged-'))
    cpSync(join(modelsFolder, 'plan-ranker/1'), join(folder, 'plan-ranker/1'), { recursive: true })
    const file = (name: string) => join(folder, 'plan-ranker/1', name)
    const manifest = JSON.parse(readFileSync(file('manifest.json'), 'utf8')) as Manifest
    try {
      await test(async (damaged, own = false) => {
        writeFileSync(file('model.onnx'), damaged)
        const sha256 = createHash('sha256').update(damaged).digest('hex')
        if (own) writeFileSync(file('manifest.json'), JSON.stringify({ ...manifest, sha256 }))
        try {
          await (await loadModel(folder, 'plan-ranker', '1')).close()
          return null
        } catch (error) {
          return error as Error
        }
      })
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
  it('ten thousand of them are refused: every bit, every length, and several bits at once', {
    timeout: 120_000,
  }, async () => {
    await inCopy(async refusal => {
      let refused = 0
      const refuse = async (damaged: Uint8Array) => {
        expect(await refusal(damaged)).toBeInstanceOf(ModelRefused)
        refused++
      }
      for (let bit = 0; bit < bytes.length * 8; bit++) await refuse(flipped(bit))
      for (let length = 0; length < bytes.length; length++) await refuse(bytes.subarray(0, length))
      while (refused < 10_000) {
        const bits = new Set(anyBits())
        await refuse(flipped(...bits))
      }
    })
  })
  it('with a sha256 of their own they are refused in so many words, or still give the golden answers', {
    timeout: 120_000,
  }, async () => {
    await inCopy(async refusal => {
      let refused = 0
      for (let round = 0; round < 500; round++) {
        const damaged = round % 5 === 0 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : flipped(...anyBits())
        const error = await refusal(damaged, true)
        if (error === null) continue
        expect(error).toBeInstanceOf(ModelRefused)
        refused++
      }
      expect(refused).toBeGreaterThan(300)
    })
  })
})

/** Numbers from 0 to 1 (mulberry32). */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
