import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { onnxModel } from '../fit/onnx.ts'
import { atBoundary, InfiniteInput, modelsFolder, onnxScorer } from '../src/index.ts'

describe('the boundary', () => {
  it('takes next to nothing for nothing, lets missing pass, refuses infinities', () => {
    expect([...atBoundary(Float32Array.of(1, 1e-31, -1e-31, 1e-29, Number.NaN))]).toEqual([
      1,
      0,
      0,
      Math.fround(1e-29),
      Number.NaN,
    ])
    expect(() => atBoundary(Float32Array.of(0, Infinity))).toThrow(InfiniteInput)
    expect(() => atBoundary(Float32Array.of(-Infinity))).toThrow('input 0 is -Infinity')
  })
  it('is passed by every row on its way to a model', async () => {
    const scorer = await onnxScorer(identity, 'out')
    expect([...(await scorer.score(Float32Array.of(1e-31, 2), 2))]).toEqual([0, 2])
    await expect(scorer.score(Float32Array.of(Infinity), 1)).rejects.toThrow(InfiniteInput)
    await scorer.close()
  })
})

const identity = onnxModel('identity', 'in', 1, [], [{ op: 'Identity', in: ['in'], out: 'out' }], ['out'])

it('scores are the same bits in batches of 1, 7, 150 and all at once', async () => {
  const scorer = await onnxScorer(readFileSync(`${modelsFolder}plan-ranker/1/model.onnx`), 'probability')
  const width = scorer.width!
  const count = 1000
  const rows = Float32Array.from({ length: count * width }, (_, index) => Math.fround(Math.sin(index * 12.9898) * 3))
  const whole = await scorer.score(rows.slice(), count)
  for (const batch of [1, 7, 150]) {
    const parts: number[] = []
    for (let from = 0; from < count; from += batch) {
      const part = rows.slice(from * width, Math.min(count, from + batch) * width)
      parts.push(...(await scorer.score(part, part.length / width)))
    }
    expect(parts).toEqual([...whole])
  }
  expect(await scorer.score(new Float32Array(0), 0)).toHaveLength(0)
  await scorer.close()
})
