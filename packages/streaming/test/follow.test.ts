import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { follow, type MemoryLog, memoryLog } from '../src/index.ts'
import { numbers, numbersPath } from './line.ts'

let log: MemoryLog
const append = (by: number): Promise<void> =>
  log.append(numbersPath, 0, [{ key: 'a', value: numbers.codec.encode({ by }) }])

beforeEach(async () => {
  log = memoryLog()
  await log.ensureTopics([{ name: numbersPath, partitions: 1, kept: 'for-ever' }])
})
afterEach(() => log.close())

describe('a reader without a group', () => {
  test('hands over what was there and what is added', async () => {
    await append(1)
    const seen: number[] = []
    const following = await follow(log, numbers, ({ by }) => seen.push(by))
    await append(2)
    await following.catchUp()
    await following.stop()
    expect(seen).toEqual([1, 2])
    expect(following.check).not.toThrow()
  })

  test('says what ended it to whoever goes by it', async () => {
    const notices: string[] = []
    const broken = (): void => {
      throw new Error('nobody can apply this')
    }
    const following = await follow(log, numbers, broken, line => notices.push(line))
    await append(1)
    await expect.poll(() => notices).toEqual([`${numbersPath} is no longer followed: nobody can apply this`])
    expect(following.check).toThrow('nobody can apply this')
    await following.stop()
  })
})
