import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { onnxModel } from '../fit/onnx.ts'
import { atBoundary, InfiniteInput, modelsFolder, openSession } from '../src/index.ts'
import { inlineRows, inParts } from '../src/scoring.ts'

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
    const session = await openSession(identity)
    const run = inParts(session.run, inlineRows)
    expect([...(await run(Float32Array.of(1e-31, 2), 2, 'out'))]).toEqual([0, 2])
    await expect(run(Float32Array.of(Infinity), 1, 'out')).rejects.toThrow(InfiniteInput)
    await session.close()
  })
})

const identity = onnxModel('identity', 'in', 1, [], [{ op: 'Identity', in: ['in'], out: 'out' }], ['out'])

it('scores are the same bits in batches of 1, 7, 150 and all at once', async () => {
  const session = await openSession(readFileSync(`${modelsFolder}plan-ranker/1/model.onnx`))
  const score = (rows: Float32Array, count: number) => inParts(session.run, inlineRows)(rows, count, 'probability')
  const width = session.width!
  const count = 1000
  const rows = Float32Array.from({ length: count * width }, (_, index) => Math.fround(Math.sin(index * 12.9898) * 3))
  const whole = await score(rows.slice(), count)
  for (const batch of [1, 7, 150]) {
    const parts: number[] = []
    for (let from = 0; from < count; from += batch) {
      const part = rows.slice(from * width, Math.min(count, from + batch) * width)
      parts.push(...(await score(part, part.length / width)))
    }
    expect(parts).toEqual([...whole])
  }
  expect(await score(new Float32Array(0), 0)).toHaveLength(0)
  await session.close()
})
