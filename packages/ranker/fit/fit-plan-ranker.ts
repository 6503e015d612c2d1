// Fits the plan ranker on one simulated month and writes models/plan-ranker/1: node packages/ranker/fit/fit-plan-ranker.ts
import { join } from 'node:path'
import { unit } from '@offerstream/contracts'
import { fingerprint } from '@offerstream/features'
import { pairNames as allPairs, modelsFolder } from '../src/index.ts'
import { judge, mean } from './judge.ts'
import { fitLogit, sigmoid, utility } from './logit.ts'
import { playMonth } from './month.ts'
import { onnxModel } from './onnx.ts'
import { writeModel } from './write.ts'

// The list has grown since.
const pairNames = allPairs.slice(0, 16)
const options = { seed: 1, customers: 12_000, start: Date.UTC(2025, 0, 6), preset: 'lively', activity: 0.25 } as const
const { shown, judged } = playMonth(options, pairNames)

// Every customer is in one part only.
const partOf = ({ customer }: { readonly customer: string }) => {
  const part = unit(`split/${customer}`)
  return part < 0.6 ? 'train' : part < 0.8 ? 'calibrate' : 'test'
}
const parts = Map.groupBy(shown, partOf)
const [train, calibrate, test] = [parts.get('train')!, parts.get('calibrate')!, parts.get('test')!]
const accepted = (each: { readonly accepted: number }) => each.accepted

// A missing input counts as the mean.
const known = (column: number) => train.map(each => each.row[column]!).filter(x => !Number.isNaN(x))
const means = pairNames.map((_, column) => mean(known(column)))
const scales = pairNames.map((_, column) => Math.sqrt(mean(known(column).map(x => (x - means[column]!) ** 2))))
const standard = (row: readonly number[]) => row.map((x, j) => (Number.isNaN(x) ? 0 : (x - means[j]!) / scales[j]!))

// Those who opened chose between the plan and staying; the calibration says how often anybody answers at all.
const opened = train.filter(each => each.opened === 1)
const weights = fitLogit(
  opened.map(each => standard(each.row)),
  opened.map(accepted),
)
const preference = (row: readonly number[]) => utility(weights, standard(row))
const [slope, intercept] = fitLogit(
  calibrate.map(each => [preference(each.row)]),
  calibrate.map(accepted),
  0,
) as [number, number]
const probability = (row: readonly number[]) => sigmoid(slope * preference(row) + intercept)

// The judgement is on customers no fit has seen.
const held = judged.filter(each => partOf(each) === 'test')
const { metrics, bestSingle } = judge(probability, train, test, held)
const { start, customers, seed, preset, activity } = options
const range = {
  from: new Date(start).toISOString(),
  days: 30,
  world: `seed ${seed}, preset ${preset}, activity ${activity}`,
}

writeModel(join(modelsFolder, 'plan-ranker', '1'), {
  onnx: onnxModel(
    'plan-ranker',
    'inputs',
    pairNames.length,
    [
      { name: 'means', shape: [1, pairNames.length], values: means },
      { name: 'weights', shape: [pairNames.length, 1], values: means.map((_, j) => weights[j]! / scales[j]!) },
      { name: 'bias', shape: [1], values: [weights.at(-1)!] },
      { name: 'slope', shape: [1], values: [slope] },
      { name: 'intercept', shape: [1], values: [intercept] },
    ],
    [
      { op: 'IsNaN', in: ['inputs'], out: 'missing' },
      { op: 'Where', in: ['missing', 'means', 'inputs'], out: 'filled' },
      { op: 'Sub', in: ['filled', 'means'], out: 'centred' },
      { op: 'MatMul', in: ['centred', 'weights'], out: 'product' },
      { op: 'Add', in: ['product', 'bias'], out: 'preference' },
      { op: 'Mul', in: ['preference', 'slope'], out: 'scaled' },
      { op: 'Add', in: ['scaled', 'intercept'], out: 'margin' },
      { op: 'Sigmoid', in: ['margin'], out: 'probability' },
    ],
    ['probability', 'preference'],
  ),
  rows: test.map(each => each.row),
  preference,
  probability,
  manifest: {
    ...{ name: 'plan-ranker', version: '1', kind: 'plan', features: [], pairs: pairNames },
    ...{ outputs: { probability: 'probability', preference: 'preference' }, missing: 'NaN; the graph fills in means' },
    ...{ baseMargin: 0, calibration: { method: 'platt', slope, intercept }, thresholds: {} },
    trainedOn: { ...range, customers, shown: shown.length, train: train.length, opened: opened.length, fingerprint },
    metrics,
  },
  bestSingle,
})
