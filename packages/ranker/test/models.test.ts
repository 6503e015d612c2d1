import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaults } from '@offerstream/contracts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Node, onnxModel } from '../fit/onnx.ts'
import { hasExternalData } from '../src/external-data.ts'
import { demoPromotions, loadModel, type Manifest, ModelRefused, modelsFolder, promotionOf } from '../src/index.ts'

const committed = (file: string) => readFileSync(join(modelsFolder, 'plan-ranker/1', file))
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

describe('the committed plan ranker', () => {
  const manifest = JSON.parse(committed('manifest.json').toString()) as Manifest
  it('is the file its manifest and its card speak of', () => {
    expect(sha256(committed('model.onnx'))).toBe(manifest.sha256)
    expect(committed('card.md').toString()).toContain(manifest.sha256)
    for (const heading of ['Data', 'Metrics', 'Limits', 'Reproduce'])
      expect(committed('card.md').toString()).toContain(`\n## ${heading}\n`)
  })
  it('passes every check, its thousand golden rows among them', async () => {
    const { rows } = JSON.parse(committed('golden.json').toString()) as { rows: (number | null)[][] }
    expect(rows).toHaveLength(1000)
    expect(rows.some(row => row.includes(null)) && rows.some(row => row.includes(1e4))).toBe(true)
    const model = await loadModel(modelsFolder, 'plan-ranker', '1', manifest.sha256)
    await model.close()
  })
  it('beats the ladder and the best single plan on customers it never saw', () => {
    expect(manifest.metrics['value_over_ladder']!.low).toBeGreaterThan(1)
    expect(manifest.metrics['value_over_best_single_plan']!.low).toBeGreaterThan(1)
  })
  it('has a successor, which is what a demo promotes', async () =>
    expect(await demoPromotions()).toContainEqual({
      ...defaults.ModelPromotion,
      name: 'plan-ranker',
      version: '2',
      stage: 'champion',
      sha256: sha256(readFileSync(join(modelsFolder, 'plan-ranker/2/model.onnx'))),
    }))
})

describe('a model is refused', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'models-'))
    cpSync(join(modelsFolder, 'plan-ranker'), join(folder, 'plan-ranker'), { recursive: true })
  })
  afterEach(() => rmSync(folder, { recursive: true }))
  const file = (name: string) => join(folder, 'plan-ranker/1', name)
  const change = (changes: Partial<Manifest>) => {
    const manifest = JSON.parse(readFileSync(file('manifest.json'), 'utf8')) as Manifest
    writeFileSync(file('manifest.json'), JSON.stringify({ ...manifest, ...changes }))
  }
  const replace = (bytes: Uint8Array) => {
    writeFileSync(file('model.onnx'), bytes)
    change({ sha256: sha256(bytes) })
  }
  const refusal = (version = '1', promoted?: string) =>
    loadModel(folder, 'plan-ranker', version, promoted).then(
      () => 'taken',
      (error: Error) => {
        expect(error).toBeInstanceOf(ModelRefused)
        return error.message
      },
    )
  /** The committed inputs through another graph. */
  const graph = (nodes: readonly Node[], width = 16, outputs = ['probability', 'preference']) =>
    onnxModel(
      'other',
      'inputs',
      width,
      [{ name: 'weights', shape: [width, 1], values: Array.from({ length: width }, () => 1) }],
      nodes,
      outputs,
    )
  const product: Node = { op: 'MatMul', in: ['inputs', 'weights'], out: 'preference' }
  const sigmoid: Node = { op: 'Sigmoid', in: ['preference'], out: 'probability' }

  it('when it is not there', async () => expect(await refusal('7')).toContain('model plan-ranker/7 cannot be read'))
  it('when the list lacks a feature it needs', async () => {
    change({ features: ['views_3d'] })
    expect(await refusal()).toBe('model plan-ranker/1 needs feature views_3d, which features.ts does not define')
  })
  it('when the list lacks a pair feature it needs, naming the nearest', async () => {
    change({ pairs: ['price_to_charges' as never] })
    expect(await refusal()).toBe(
      'model plan-ranker/1 needs pair feature price_to_charges, which pairs.ts does not define; nearest is price_to_charge',
    )
  })
  it('when it takes an absolute sum of money', async () => {
    change({ features: ['monthly_charge_minor'] })
    expect(await refusal()).toBe('model plan-ranker/1 takes monthly_charge_minor, an absolute sum of money')
  })
  it('when it calls itself otherwise', async () => {
    change({ version: '2' })
    expect(await refusal()).toBe('model plan-ranker/1 calls itself plan-ranker/2')
  })
  it('when a bit of it flipped', async () => {
    const bytes = readFileSync(file('model.onnx'))
    bytes[200]! ^= 1
    writeFileSync(file('model.onnx'), bytes)
    expect(await refusal()).toContain(`its manifest says ${sha256(committed('model.onnx'))}`)
  })
  it('when it is not the one promoted', async () =>
    expect(await refusal('1', 'f'.repeat(64))).toContain(`${'f'.repeat(64)} was promoted`))
  it('when it is cut short', async () => {
    replace(committed('model.onnx').subarray(0, 300))
    expect(await refusal()).toBe('model plan-ranker/1 is no ONNX file: truncated protobuf')
  })
  it('when its manifest is no JSON', async () => {
    writeFileSync(file('manifest.json'), '{')
    expect(await refusal()).toContain('has a manifest.json that is no JSON')
  })
  it('when its manifest lacks a field', async () => {
    change({ pairs: undefined as never })
    expect(await refusal()).toBe('model plan-ranker/1 has no pairs in its manifest')
  })
  it('when it takes another number of columns', async () => {
    replace(graph([product, sigmoid], 15))
    expect(await refusal()).toBe('model plan-ranker/1 takes 15 columns, its manifest names 16')
  })
  it('when it lacks an output', async () => {
    replace(graph([product], 16, ['preference']))
    expect(await refusal()).toBe('model plan-ranker/1 has no output probability, only preference')
  })
  it('when it gives NaN', async () => {
    // Nothing fills in what is missing.
    replace(graph([product, sigmoid]))
    const golden = JSON.parse(readFileSync(file('golden.json'), 'utf8')) as { rows: (number | null)[][] }
    const row = golden.rows.findIndex(each => each.includes(null))
    const only = { rows: [golden.rows[row]], probability: [0.5], preference: [0.5] }
    writeFileSync(file('golden.json'), JSON.stringify(only))
    expect(await refusal()).toBe('model plan-ranker/1 gives NaN as probability of golden row 0')
  })
  it('when it gives other numbers than it did', async () => {
    replace(graph([product, sigmoid]))
    expect(await refusal()).toMatch(/^model plan-ranker\/1 gives .* as probability of golden row 0, wanted /)
  })
  it('when it keeps data in another file', async () => {
    const external = onnxModel('external', 'inputs', 16, [], [sigmoid], ['probability'])
    // graph 7 { initializer 5 { data_location 14: external 1 } }
    replace(Buffer.concat([external, Buffer.from([0x3a, 4, 0x2a, 2, 0x70, 1])]))
    expect(await refusal()).toBe('model plan-ranker/1 keeps data in another file')
  })
})

it('external data is found in the tensors of nodes and subgraphs too, and only there', () => {
  const within = (...path: readonly number[]): Uint8Array =>
    path.reduceRight<Uint8Array>(
      (inner, field) => Buffer.concat([Buffer.from([field * 8 + 2, inner.length]), inner]),
      Buffer.from([0x6a, 1, 0]),
    )
  expect(hasExternalData(within(7, 5))).toBe(true)
  expect(hasExternalData(within(7, 1, 5, 5))).toBe(true)
  expect(hasExternalData(within(7, 1, 5, 6, 5))).toBe(true)
  expect(hasExternalData(within(7, 2))).toBe(false)
  expect(hasExternalData(committed('model.onnx'))).toBe(false)
})

it('the promotion of a model carries its sha256', async () =>
  expect((await promotionOf(modelsFolder, 'plan-ranker', '1', 'shadow')).stage).toBe('shadow'))
