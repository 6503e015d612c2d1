import { describe, expect, test } from 'vitest'
import { type UpsellPreset, upsellRows } from '../src/index.ts'

const rows = 200_000

/** Area under the ROC curve and average precision of Bayes p against the labels, ties counted half and together. */
function judged(preset: UpsellPreset) {
  const { rows: table, oracle } = upsellRows(preset, 3, rows)
  const y = table.columns.bought
  const p = oracle.columns.bayes
  const order = Uint32Array.from({ length: rows }, (_, row) => row).sort((a, b) => p[b]! - p[a]!)
  let positives = 0
  let missing = 0
  let mean = 0
  for (let row = 0; row < rows; row++) {
    positives += y[row]!
    missing += Number.isNaN(table.columns.availableGb[row]!) ? 1 : 0
    mean += p[row]! / rows
  }
  let truePositives = 0
  let falsePositives = 0
  let area = 0
  let precision = 0
  for (let from = 0; from < rows; ) {
    let hits = 0
    let to = from
    while (to < rows && p[order[to]!] === p[order[from]!]) hits += y[order[to++]!]!
    area += (to - from - hits) * (truePositives + hits / 2)
    truePositives += hits
    falsePositives += to - from - hits
    precision += ((hits / positives) * truePositives) / (truePositives + falsePositives)
    from = to
  }
  return {
    auc: area / (positives * (rows - positives)),
    averagePrecision: precision,
    positives: positives / rows,
    mean,
    missing: missing / rows,
  }
}

describe('the upsell tables', () => {
  test.each([
    ['A', 0.624, 0.006],
    ['B', 0.75, 0.008],
    ['C', 0.88, 0.008],
    ['null', 0.5, 0.008],
  ] as const)('%s: Bayes p reaches an AUC of %f, and 7.05 %% buy', (preset, auc, room) => {
    const found = judged(preset)
    expect(Math.abs(found.auc - auc)).toBeLessThan(room)
    expect(Math.abs(found.mean - 0.0705)).toBeLessThan(0.001)
    expect(Math.abs(found.positives - found.mean)).toBeLessThan(0.002)
    if (preset === 'A') expect(Math.abs(found.averagePrecision - 0.1)).toBeLessThan(0.004)
    expect(found.missing).toBeGreaterThan(0.1)
    expect(found.missing).toBeLessThan(0.4)
  })

  test('Bayes p is calibrated where the GB are missing as well', () => {
    for (const preset of ['B', 'C'] as const) {
      const { rows: table, oracle } = upsellRows(preset, 8, 100_000)
      let expected = 0
      let variance = 0
      let bought = 0
      for (let row = 0; row < table.rows; row++) {
        if (!Number.isNaN(table.columns.availableGb[row]!)) continue
        const p = oracle.columns.bayes[row]!
        expected += p
        variance += p * (1 - p)
        bought += table.columns.bought[row]!
      }
      expect(Math.abs(bought - expected)).toBeLessThan(3.5 * Math.sqrt(variance))
    }
  })

  test('the public law: bindings are shorter than the tenure, prices in fifty steps, ages from 18 to 100', () => {
    const { rows: table } = upsellRows('A', 1, 20_000)
    const { age, tenureDays, bindingDays, priceMinor } = table.columns
    for (let row = 0; row < table.rows; row++) {
      expect(Math.abs(bindingDays[row]!)).toBeLessThan(tenureDays[row]!)
      expect(age[row]! >= 18 && age[row]! <= 100).toBe(true)
    }
    expect(new Set(priceMinor).size).toBe(50)
    expect([Math.min(...priceMinor), Math.max(...priceMinor)]).toEqual([500, 7_000])
  })

  test('pieces add up to the whole', () => {
    const whole = upsellRows('B', 2, 300)
    const piece = upsellRows('B', 2, 100, 150)
    expect(piece.oracle.columns.bayes).toEqual(whole.oracle.columns.bayes.slice(150, 250))
    expect(piece.rows.columns.bought).toEqual(whole.rows.columns.bought.slice(150, 250))
  })
})
