// Events per CPU-second of the simulated market: into memory, onto disk as Parquet, and beside them bare Avro encoding.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { avroCodec } from '@offerstream/contracts'
import { createMarket, type MarketRecord, play, recordsOf, writeMarket } from '@offerstream/simulator'
import type { Bench } from './bench.ts'

const goal = 200_000

export const simulate: Bench = {
  says: 'events of the simulated market per CPU-second, in memory and to disk, and what a customer takes',
  options: {
    customers: { fallback: '200000', says: 'customers; 3000000 for the full size' },
    months: { fallback: '3', says: 'months of thirty days' },
    written: { fallback: '50000', says: 'customers of the market that is written to disk' },
  },
  async run(settings, progress) {
    const [customers, months, written] = ['customers', 'months', 'written'].map(each => Number(settings[each])) as [
      number,
      number,
      number,
    ]
    progress('people are born')
    const before = process.memoryUsage().arrayBuffers
    const born = process.cpuUsage()
    const market = createMarket({ seed: 1, customers })
    const birth = seconds(born)

    let events = 0
    let atMost = 0
    const byMonth: number[] = []
    const playing = process.cpuUsage()
    for (const { month, topics } of play(market, { months })) {
      for (const { rows } of Object.values(topics)) events += rows
      atMost = Math.max(atMost, process.memoryUsage().arrayBuffers - before)
      byMonth[month] = atMost
      progress(`month ${month + 1} of ${months}`, (month + 1) / months)
    }
    const inMemory = events / seconds(playing)

    progress('records as Avro')
    const records: MarketRecord[] = []
    for (const batch of play(createMarket({ seed: 2, customers: 2_000 }), { months: 1 }))
      for (const { record } of recordsOf(batch)) records.push(record)
    const bare = encodingRate(records)

    progress('to disk')
    const folder = mkdtempSync(join(tmpdir(), 'simulate-'))
    let toDisk: number
    try {
      const writing = process.cpuUsage()
      const { events: rows } = await writeMarket({ seed: 1, customers: written, months, out: join(folder, 'market') })
      toDisk = rows / seconds(writing)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
    const perCustomer = atMost / customers
    return {
      title: `${customers} customers, ${months} months, ${events} events`,
      rows: [
        ['', 'events per CPU-second'],
        ['played into memory, oracle included', Math.round(inMemory)],
        ['played and written as Parquet, oracle included', Math.round(toDisk)],
        ['ceiling: the same records, ready made, through the Avro codec', Math.round(bare)],
      ],
      remarks: [
        `goal ${goal} on one core, to memory or disk: ${Math.max(inMemory, toDisk) >= goal ? 'reached' : 'not reached'}`,
        `${customers} people are born in ${birth.toFixed(1)} s of CPU; typed arrays ${(atMost / 1e6).toFixed(0)} MB at most, ${perCustomer.toFixed(0)} bytes a customer with the batch; by month ${byMonth.map(bytes => `${(bytes / 1e6).toFixed(0)} MB`).join(', ')}`,
      ],
      figures: { events, inMemory, toDisk, bareAvro: bare, perCustomer, arrayBytesByMonth: byMonth, goal },
    }
  },
}

/** Of user and system time of this process, all its threads, since then. */
function seconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1e6
}

function encodingRate(records: readonly MarketRecord[]): number {
  const codecs = {
    purchase: avroCodec('purchase'),
    purchase_retracted: avroCodec('purchase-retracted'),
    usage: avroCodec('usage'),
    engagement: avroCodec('engagement'),
    customer: avroCodec('customer'),
  }
  const rounds = Math.ceil(1_000_000 / records.length)
  const since = process.cpuUsage()
  for (let round = 0; round < rounds; round++) for (const record of records) codecs[record.type].encode(record as never)
  return (rounds * records.length) / seconds(since)
}
