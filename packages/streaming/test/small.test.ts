import fc from 'fast-check'
import kafkajs from 'kafkajs'
import { describe, expect, test } from 'vitest'
import {
  BadSettings,
  causeText,
  createClock,
  packOutbox,
  parseCause,
  partitionOf,
  readSettings,
  unpackOutbox,
} from '../src/index.ts'

describe('small parts', () => {
  test('a key goes to the partition the client library chooses', () => {
    const choose = kafkajs.Partitioners.DefaultPartitioner()
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.integer({ min: 1, max: 64 }), (key, count) => {
        const partitionMetadata = Array.from({ length: count }, (_, partitionId) => ({
          partitionId,
          leader: 1,
          partitionErrorCode: 0,
          replicas: [],
          isr: [],
        }))
        expect(partitionOf(key, count)).toBe(choose({ topic: 't', partitionMetadata, message: { key, value: null } }))
      }),
    )
  })

  test('a cause survives its text, whatever the topic is called', () => {
    const whole = fc.nat({ max: Number.MAX_SAFE_INTEGER })
    fc.assert(
      fc.property(
        fc.record({
          topic: fc.string({ minLength: 1 }).filter(name => !name.includes('\n')),
          generation: whole,
          partition: whole,
          offset: whole,
          index: whole,
        }),
        cause => {
          expect(parseCause(causeText(cause))).toEqual(cause)
        },
      ),
    )
    expect(parseCause('purchases/1/2')).toBeNull()
  })

  test('an outbox survives its bytes', () => {
    const records = [
      { key: 'k', value: Buffer.from([0, 255]), cause: 't@1/0/5/0', headers: { reason: 'x' } },
      { key: null, value: null, cause: null, headers: {} },
    ]
    expect(unpackOutbox(packOutbox([{ path: 'p', partition: 3, records }]))).toEqual([
      { path: 'p', partition: 3, records },
    ])
  })

  test('a clock with a speed passes time that many times as fast', () => {
    let wall = 1000
    const clock = createClock({ origin: 50, since: 1000, speed: 60 }, () => wall)
    expect(clock.now()).toBe(50)
    wall += 10
    expect(clock.now()).toBe(650)
  })

  test('bad settings are reported all at once with the nearest known name', () => {
    const read = () =>
      readSettings({
        OFFERSTREAM_KAFKA_BROKER: 'x',
        OFFERSTREAM_PARTITIONS: 'many',
        OFFERSTREAM_CONTINUE_AFTER_REJECTS: 'yes',
        PATH: '/',
      })
    expect(read).toThrow(BadSettings)
    expect(read).toThrow(
      /OFFERSTREAM_KAFKA_BROKER is not a setting; the nearest known one is OFFERSTREAM_KAFKA_BROKERS/,
    )
    expect(read).toThrow(/OFFERSTREAM_PARTITIONS is "many": wanted a whole number/)
    expect(read).toThrow(/OFFERSTREAM_CONTINUE_AFTER_REJECTS is "yes"/)
    expect(readSettings({ OFFERSTREAM_GENERATIONS: 'usage=2' }).map('OFFERSTREAM_GENERATIONS')).toEqual({ usage: '2' })
  })
})
