import { expect, it } from 'vitest'
import { properties } from '../src/kafka.ts'

const node = { name: 'kafka', id: 1, port: 20_001, controllerPort: 20_002, heapMb: 512, mayTrain: false }

function read(text: string): ReadonlyMap<string, string> {
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(lines.map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}

it('a broker alone is its own quorum and copies nothing', () => {
  const settings = read(properties({ ...node, controllers: ['1@127.0.0.1:20002'] }, '/data'))
  expect(settings.get('controller.quorum.bootstrap.servers')).toBe('127.0.0.1:20002')
  expect(settings.has('controller.quorum.voters')).toBe(false)
  expect(settings.get('offsets.topic.replication.factor')).toBe('1')
  expect(settings.get('min.insync.replicas')).toBe('1')
  expect(settings.get('log.dirs')).toBe('/data')
})

it('one of three votes with the others, copies to all and waits for two', () => {
  const controllers = ['1@127.0.0.1:20002', '2@127.0.0.1:20003', '3@127.0.0.1:20004']
  const settings = read(properties({ ...node, controllers }, '/data'))
  expect(settings.get('controller.quorum.voters')).toBe(controllers.join(','))
  expect(settings.has('controller.quorum.bootstrap.servers')).toBe(false)
  expect(settings.get('default.replication.factor')).toBe('3')
  expect(settings.get('min.insync.replicas')).toBe('2')
})

it('every address is on loopback, nothing is left to fill, and a 16 MB record fits', () => {
  const text = properties({ ...node, controllers: ['1@127.0.0.1:20002'] }, '/data')
  const settings = read(text)
  expect(settings.get('listeners')).toBe('PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:20002')
  expect([...settings.values()].join('\n')).not.toContain('@PORT@')
  expect(settings.get('message.max.bytes')).toBe(`${16 * 1024 * 1024}`)
  expect(settings.get('replica.fetch.max.bytes')).toBe(settings.get('message.max.bytes'))
})
