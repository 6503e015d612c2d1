import { done, type Fold, memoryLog, type Topic } from '@offerstream/streaming'
import { expect, test } from 'vitest'
import { refold } from '../src/index.ts'

const text: Topic<string> = {
  name: 'usage',
  path: 'in',
  codec: { encode: value => Buffer.from(value), decode: bytes => bytes.toString(), learn: async () => {} },
}
const joining: Fold<string, string> = {
  name: 'joining',
  input: text,
  outputs: [{ ...text, name: 'purchases', path: 'out' } as unknown as Topic<never>],
  states: { encode: state => Buffer.from(state), decode: bytes => bytes.toString() },
  empty: '',
  step: (state, { value }) => done(state + value, { topic: 'purchases', value: (state + value) as never }),
}

async function source(letters: string) {
  const log = memoryLog()
  await log.ensureTopics([{ name: 'in', partitions: 2, kept: 'for-ever' }])
  await log.append(
    'in',
    1,
    [...letters].map(letter => ({ key: 'k', value: Buffer.from(letter) })),
  )
  return log
}

test.each([1, 3, 100])(
  'in batches of %i the fold ends in the same state and publishes the same',
  async batchRecords => {
    const target = memoryLog()
    let handled = 0
    const store = await refold(joining, await source('abcdefg'), target, {
      batchRecords,
      onRecords: count => {
        handled += count
      },
    })
    expect((await store.peek('joining', 1, ['k']))[0]!.toString()).toBe('abcdefg')
    expect(handled).toBe(7)
    const out = []
    for await (const messages of target.read('out', 1, 0)) out.push(...messages.map(({ value }) => value!.toString()))
    expect(out).toEqual(['a', 'ab', 'abc', 'abcd', 'abcde', 'abcdef', 'abcdefg'])
  },
)

test('a log whose beginning is gone is refused', async () => {
  const log = await source('abc')
  log.deleteBefore('in', 1, 2)
  await expect(refold(joining, log, memoryLog(), { batchRecords: 10 })).rejects.toThrow(/in\/1 begins at offset 2/)
})
