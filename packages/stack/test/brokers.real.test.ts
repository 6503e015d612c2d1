// A real cluster of three brokers. Without it this test fails; it is never skipped.
import { expect, it, onTestFinished } from 'vitest'
import { startBrokers } from '../src/index.ts'
import { isFree } from '../src/ports.ts'
import { kafkaBrokers } from '../src/probe.ts'
import { until } from './folders.ts'

it('three brokers know each other, miss the one that is killed, and have it back after its restart', async () => {
  const cluster = await startBrokers(3, { instance: `test-brokers-${process.pid}` })
  onTestFinished(() => cluster.stop())
  const ports = cluster.brokers.map(broker => Number(broker.split(':')[1]))
  const ids = async (index: number) => (await kafkaBrokers(ports[index]!)).map(({ id }) => id).sort()
  expect(await ids(0)).toEqual([1, 2, 3])

  await cluster.kill(1, 'SIGKILL')
  expect(await until(async () => (await ids(0)).join() === '1,3', 20_000)).toBe(true)
  await cluster.restart(1)
  expect(await until(async () => (await ids(1)).join() === '1,2,3', 20_000)).toBe(true)

  await cluster.kill(2, 'SIGTERM')
  expect(await until(async () => (await ids(0)).join() === '1,2', 20_000)).toBe(true)
  await expect(cluster.restart(0)).rejects.toThrow('broker 0 still runs')
  await cluster.stop()
  expect(await Promise.all(ports.map(isFree))).toEqual([true, true, true])
}, 300_000)
