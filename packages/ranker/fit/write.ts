import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Manifest } from '../src/index.ts'

export type Made = {
  readonly onnx: Uint8Array
  /** Held-out rows, for the golden ones. */
  readonly rows: readonly (readonly number[])[]
  readonly preference: (row: readonly number[]) => number
  readonly probability: (row: readonly number[]) => number
  readonly manifest: Omit<Manifest, 'sha256' | 'libraries'>
  /** The best single plan, by name. */
  readonly bestSingle: string
}

/** Writes the four files of a model. Golden outputs come from the fit's own arithmetic, not from the graph. */
export function writeModel(folder: string, made: Made): void {
  const sha256 = createHash('sha256').update(made.onnx).digest('hex')
  const require = createRequire(import.meta.url)
  const runtime = JSON.parse(readFileSync(join(require.resolve('onnxruntime-node'), '../../package.json'), 'utf8')) as {
    version: string
  }
  const libraries = { node: process.version, 'onnxruntime-node': runtime.version }
  const manifest: Manifest = { ...made.manifest, libraries, sha256 }
  const rows = goldenRows(made.rows)
  const golden = {
    rows: rows.map(row => row.map(x => (Number.isNaN(x) ? null : short(x)))),
    probability: rows.map(row => short(made.probability(row))),
    preference: rows.map(row => short(made.preference(row))),
  }
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'model.onnx'), made.onnx)
  writeFileSync(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  writeFileSync(join(folder, 'golden.json'), `${JSON.stringify(golden).replaceAll('],[', '],\n[')}\n`)
  writeFileSync(join(folder, 'card.md'), cardOf(manifest, made.bestSingle))
}

/** Nine digits name a float32 exactly. */
const short = (x: number): number => Number(x.toPrecision(9))

/** A thousand rows: held-out ones, then the same with missing inputs, zeros, and one input at a time far out. */
function goldenRows(real: readonly (readonly number[])[]): number[][] {
  const rows = real.slice(0, 800).map(row => [...row])
  for (let index = rows.length; rows.length < 1000; index++) {
    const row = [...real[index % real.length]!]
    const column = index % row.length
    const kind = Math.floor(index / row.length) % 4
    row[column] = [Number.NaN, 0, 1e4, -1e4][kind]!
    rows.push(index % 50 === 0 ? row.map(() => Number.NaN) : index % 50 === 1 ? row.map(() => 0) : row)
  }
  return rows
}

const cardOf = (manifest: Manifest, bestSingle: string): string => `# ${manifest.name}/${manifest.version}

A conditional logit over relative pair features: which dearer plan a customer would step up to.
\`preference\` is the utility of the plan over staying; its softmax over a choice set is the choice probability.
\`probability\` is the calibrated probability that a push with the plan is accepted.

## Data

One month of the simulated operator (packages/simulator), ${Object.entries(manifest.trainedOn)
  .map(([name, value]) => `${name} ${value}`)
  .join(', ')}.
All events went through the feature engine. On days 12, 16, 20, 24 and 28 every customer was shown one plan, drawn uniformly
from those dearer than theirs. The logit is fitted on 60 % of the customers, on the pushes they opened: the plan
against staying. Calibration is by Platt's method on all pushes of another 20 %. No latent of the simulator is an input.

## Metrics

On the remaining 20 % of the customers, with 95 % bootstrap intervals. Value is the true probability of acceptance × margin of the plan
chosen on day 30; ladder is the next plan up, the best single plan (\`${bestSingle}\`) was chosen on the training customers' log, full
information knows every customer's utilities.

| metric | value | low | high |
|---|---|---|---|
${Object.entries(manifest.metrics)
  .map(([name, { value, low, high }]) => `| ${name.replaceAll('_', ' ')} | ${value} | ${low} | ${high} |`)
  .join('\n')}

## Limits

- The world is simulated, and its \`lively\` preset exaggerates how many people attend to a push: probabilities are right there and far
  too high for a real operator. Ranks hang on utilities only.
- It scores plans dearer than the current one; nothing cheaper was ever shown, and packages are not scored.
- Taste, income and inertia are not observed: hence the distance to full information.
- One seed, one month, one catalogue: no claim about drift or new plans.

## Reproduce

\`node packages/ranker/fit/fit-plan-ranker.ts\` writes these files again, byte for byte as long as simulator, features, pair features and
Node version stay what they were. sha256 of model.onnx: \`${manifest.sha256}\`.
`
