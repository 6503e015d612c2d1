import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { onnxModel } from '../fit/onnx.ts'
import { graphOf } from '../src/graph.ts'
import { atBoundary, demoPromotions, loadModel, modelsFolder, openSession, walkerOf } from '../src/index.ts'
import { quickTrees } from '../src/quick-trees.ts'
import { inlineRows, inParts } from '../src/scoring.ts'
import { treesOf, walkTrees } from '../src/trees.ts'
import { type Ensemble, oracle, type Tree, treeModel } from './tree-graph.ts'

const width = 4
const thresholds = fc.oneof(
  fc.double({ min: -10, max: 10, noNaN: true }),
  // Between two float32 neighbours, where a threshold rounded to float32 sends rows the wrong way.
  fc.double({ min: -10, max: 10, noNaN: true }).map(x => Math.fround(x) + 1e-9),
  fc.constantFrom(0, -0, 0.1, 1e-30, 16_384.5, 1.7e6 + 0.3),
)
const trees: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree }>(tie => ({
  tree: fc.oneof(
    { maxDepth: 5, depthIdentifier: 'tree' },
    fc.record({ leaf: fc.double({ min: -1, max: 1, noNaN: true }) }),
    fc.record({
      column: fc.nat(width - 1),
      threshold: thresholds,
      missingHolds: fc.boolean(),
      holds: tie('tree'),
      fails: tie('tree'),
    }),
  ),
})).tree

/** The float32 neighbours of every threshold, missing, zero and next to it, and numbers drawn at random. */
function rowsFor({ trees }: Ensemble, seed: number): Float32Array {
  const edges = [Number.NaN, 0, -0, 1e-31, 1e-29]
  const collect = (tree: Tree): void => {
    if ('leaf' in tree) return
    const near = new Float32Array([tree.threshold])
    const bits = new Int32Array(near.buffer)
    edges.push(near[0]!)
    bits[0]!++
    edges.push(near[0]!)
    bits[0]! -= 2
    edges.push(near[0]!)
    collect(tree.holds)
    collect(tree.fails)
  }
  trees.forEach(collect)
  const finite = edges.filter(x => !Number.isFinite(x) === Number.isNaN(x))
  let state = seed | 1
  const next = (): number => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9
    return (state >>> 0) / 2 ** 32
  }
  return atBoundary(
    Float32Array.from({ length: 200 * width }, () =>
      next() < 0.7 ? finite[Math.floor(next() * finite.length)]! : next() * 20 - 10,
    ),
  )
}

const ensembles = fc.record({
  width: fc.constant(width),
  trees: fc.array(trees, { minLength: 1, maxLength: 12 }),
  mode: fc.constantFrom('BRANCH_LEQ' as const, 'BRANCH_LT' as const),
  double: fc.boolean(),
})

describe('the walker over trees', () => {
  it('equals onnxruntime on random, edge and missing rows, in double and in float', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(ensembles, fc.integer(), async (ensemble, seed) => {
        const model = treeModel(ensemble)
        const session = await openSession(model)
        const walker = walkerOf(model)
        const rows = rowsFor(ensemble, seed)
        const count = rows.length / width
        for (const output of ['preference', 'probability']) {
          const native = await session.run(rows, count, output)
          const walked = walker(rows, count, output)
          for (let row = 0; row < count; row++) expect(Math.abs(native[row]! - walked[row]!)).toBeLessThanOrEqual(1e-6)
        }
        await session.close()
      }),
      { numRuns: 200 },
    )
  })
  it('goes the way the definition says, to the last leaf, where thresholds are double', () =>
    fc.assert(
      fc.property(ensembles, fc.integer(), (drawn, seed) => {
        const ensemble = { ...drawn, double: true }
        const rows = rowsFor(ensemble, seed)
        const walked = walkerOf(treeModel(ensemble))(rows, rows.length / width, 'preference')
        for (let row = 0; row < walked.length; row++) {
          const inputs = [...rows.subarray(row * width, (row + 1) * width)]
          expect(walked[row]).toBe(Math.fround(oracle(ensemble.trees, inputs, ensemble.mode)))
        }
      }),
    ))
  it('would be seen going wrong, were double thresholds kept as float', () => {
    const split: Tree = { column: 0, threshold: 0.1, missingHolds: true, holds: { leaf: 0 }, fails: { leaf: 1 } }
    const answer = (double: boolean) =>
      walkerOf(treeModel({ width: 1, trees: [split], mode: 'BRANCH_LEQ', double }))(
        Float32Array.of(0.1),
        1,
        'preference',
      )[0]
    // The float32 next to 0.1 lies above it.
    expect([answer(true), answer(false)]).toEqual([1, 0])
  })
})

describe('quick trees', () => {
  const treesIn = (ensemble: Ensemble) =>
    treesOf(graphOf(treeModel(ensemble)).nodes.find(node => node.operation === 'TreeEnsembleRegressor')!)
  /** Like a customer's: runs of rows in which only some columns change, and in some of them nothing. */
  const inRuns = (rows: Float32Array): Float32Array => {
    const alike = rows.slice()
    for (let row = 1; row < rows.length / width; row++)
      if (row % 7 > 0)
        for (let column = 0; column < width; column++)
          if (column <= row % 5) alike[row * width + column] = alike[(row - 1) * width + column]!
    return alike
  }
  const unequal = (wanted: Float64Array, found: Float64Array): number =>
    wanted.reduce((count, sum, row) => count + Number(!Object.is(sum, found[row])), 0)
  const quickly = ensembles.map(ensemble => ({ ...ensemble, mode: 'BRANCH_LEQ' as const }))

  it('sum to the bits of the plain walk, in double and in float, on edges, missing and like rows', () =>
    fc.assert(
      fc.property(quickly, fc.integer(), fc.integer({ min: 1, max: 200 }), (ensemble, seed, count) => {
        const trees = treesIn(ensemble)
        const quick = quickTrees(trees)!
        const drawn = rowsFor(ensemble, seed)
        for (const rows of [drawn, inRuns(drawn), inRuns(drawn).fill(Number.NaN, 0, 20 * width)]) {
          const values = new Float64Array(rows.subarray(0, count * width))
          const input = { rows: count, columns: width, values, double: ensemble.double }
          expect(unequal(walkTrees(trees, input), quick(input))).toBe(0)
        }
      }),
      { numRuns: 200 },
    ))
  it('would be seen taking a missing value for one below every threshold', () => {
    const tree: Tree = { column: 0, threshold: 0, missingHolds: false, holds: { leaf: 1 }, fails: { leaf: 2 } }
    const sums = (missingHolds: boolean) =>
      quickTrees(treesIn({ width: 1, trees: [{ ...tree, missingHolds }], mode: 'BRANCH_LEQ', double: true }))!({
        rows: 2,
        columns: 1,
        values: Float64Array.of(Number.NaN, -1),
        double: true,
      })
    expect([[...sums(false)], [...sums(true)]]).toEqual([
      [2, 1],
      [1, 1],
    ])
  })
  it('are for trees of at most 32 leaves, compared by <=', () => {
    const chain = (leaves: number): Tree =>
      leaves === 1
        ? { leaf: 1 }
        : { column: 0, threshold: leaves, missingHolds: true, holds: chain(leaves - 1), fails: { leaf: leaves } }
    const isQuick = (leaves: number, mode: Ensemble['mode']) =>
      walkerOf(treeModel({ width: 1, trees: [chain(leaves)], mode, double: true })).quick
    expect([isQuick(32, 'BRANCH_LEQ'), isQuick(33, 'BRANCH_LEQ'), isQuick(32, 'BRANCH_LT')]).toEqual([
      true,
      false,
      false,
    ])
  })
})

describe('every shipped model', async () => {
  for (const { name, version } of await demoPromotions())
    it(`${name}/${version} has a second implementation with equal results`, async () => {
      const bytes = readFileSync(join(modelsFolder, name, version, 'model.onnx'))
      const { manifest, walker, close } = await loadModel(modelsFolder, name, version)
      const session = await openSession(bytes)
      const columns = session.width!
      const golden = JSON.parse(readFileSync(join(modelsFolder, name, version, 'golden.json'), 'utf8')) as {
        rows: (number | null)[][]
      }
      const rows = Float32Array.from(golden.rows.flat(), x => x ?? Number.NaN)
      const output = manifest.outputs.probability
      const native = await inParts(session.run, inlineRows)(rows, rows.length / columns, output)
      const walked = walker!(rows, rows.length / columns, output)
      for (let row = 0; row < native.length; row++)
        expect(Math.abs(native[row]! - walked[row]!)).toBeLessThanOrEqual(1e-6)
      // Fifteen rows are a choice: the same one comes first wherever it is clear which.
      for (let from = 0; from + 15 <= native.length; from += 15) {
        const order = Array.from({ length: 15 }, (_, index) => from + index).sort((a, b) => native[b]! - native[a]!)
        const [first, second] = order as [number, number]
        if (native[first]! - native[second]! <= 1e-6) continue
        expect(Math.max(...order.map(row => walked[row]!))).toBe(walked[first]!)
      }
      await session.close()
      await close()
    })
})

describe('a graph the walker does not understand', () => {
  it.each([
    ['an operation it does not know', 'Tanh', 'has the operation Tanh'],
    ['a cast to what it does not keep', 'Cast', 'casts to type undefined'],
  ])('%s is told', (_what, op, why) =>
    expect(() => walkerOf(onnxModel('other', 'in', 1, [], [{ op, in: ['in'], out: 'out' }], ['out']))).toThrow(why),
  )
})
