import { createServer } from 'node:net'
import path from 'node:path'
import { expect, it } from 'vitest'
import { takeLock } from '../src/lock.ts'
import { freePorts, isFree } from '../src/ports.ts'
import { temporaryFolder } from './folders.ts'

it('free ports differ, are free, and lie below those that Linux gives to clients', async () => {
  const ports = await freePorts(20)
  expect(new Set(ports).size).toBe(20)
  expect(ports.every(port => port < 32_768)).toBe(true)
  expect(await Promise.all(ports.map(isFree))).not.toContain(false)
})

it('remembered ports come back, one that was taken meanwhile is replaced', async () => {
  const file = path.join(temporaryFolder(), 'ports')
  const first = await freePorts(2, file)
  expect(await freePorts(2, file)).toEqual(first)
  const taker = createServer()
  await new Promise<void>(resolve => taker.listen(first[0], '127.0.0.1', resolve))
  const second = await freePorts(2, file)
  expect(second[0]).not.toBe(first[0])
  expect(second[1]).toBe(first[1])
  taker.close()
})

it('a lock is held by one, tells who holds it, and can be had again after', async () => {
  const name = path.join(temporaryFolder(), 'instance')
  const first = await takeLock(name)
  expect(await takeLock(name)).toEqual({ holder: `process ${process.pid}` })
  if (!('release' in first)) throw new Error('the first was refused')
  await first.release()
  const second = await takeLock(name)
  expect('release' in second).toBe(true)
  if ('release' in second) await second.release()
})
