import type { Outgoing } from './ports.ts'

/** Writes records to one partition in one request; resolves once they are written. */
export type Send = (topic: string, partition: number, records: readonly Outgoing[]) => Promise<void>

export type AppendQueue = {
  append(topic: string, partition: number, records: readonly Outgoing[]): Promise<void>
  /** Resolves when nothing waits and nothing is being sent. */
  idle(): Promise<void>
  /** Rejects every call that is not written yet, and every later one. */
  refuse(error: Error): void
}

export type RequestLimits = { readonly bytes: number; readonly records: number }

type Call = {
  readonly records: readonly Outgoing[]
  sent: number
  resolve(): void
  reject(error: unknown): void
}
type Lane = { readonly topic: string; readonly partition: number; waiting: Call[]; working: Promise<void> | null }

/** A broker takes 1 MiB by default; a larger single record goes alone and is the broker's to judge. */
const defaults: RequestLimits = { bytes: 900_000, records: 10_000 }

/**
 * One request outstanding per partition, calls served in the order they were made; those that wait share the next request.
 * After a failed request nobody knows what was written, so every call that waits behind it fails with it.
 */
export function createAppendQueue(send: Send, limits: RequestLimits = defaults): AppendQueue {
  const lanes = new Map<string, Lane>()
  let refusal: Error | null = null

  const fail = (lane: Lane, calls: readonly Call[], error: unknown): void => {
    const all = [...calls, ...lane.waiting]
    lane.waiting = []
    for (const call of all) call.reject(error)
  }

  const work = async (lane: Lane): Promise<void> => {
    await null // calls of the same turn share the first request
    while (lane.waiting.length > 0) {
      const { records, finished } = take(lane, limits)
      try {
        if (records.length > 0) await send(lane.topic, lane.partition, records)
      } catch (error) {
        fail(lane, finished, error)
        continue
      }
      for (const call of finished) call.resolve()
    }
    lane.working = null
  }

  return {
    append(topic, partition, records) {
      if (refusal !== null) return Promise.reject(refusal)
      const name = `${topic}/${partition}`
      let lane = lanes.get(name)
      if (lane === undefined) {
        lane = { topic, partition, waiting: [], working: null }
        lanes.set(name, lane)
      }
      const { waiting } = lane
      const written = new Promise<void>((resolve, reject) => waiting.push({ records, sent: 0, resolve, reject }))
      lane.working ??= work(lane)
      return written
    },
    async idle() {
      const working = () => [...lanes.values()].flatMap(lane => (lane.working === null ? [] : [lane.working]))
      for (let busy = working(); busy.length > 0; busy = working()) await Promise.all(busy)
    },
    refuse(error) {
      refusal = error
      for (const lane of lanes.values()) fail(lane, [], error)
    },
  }
}

/** The next request's records, and the calls that are complete with it. */
function take(lane: Lane, limits: RequestLimits): { records: readonly Outgoing[]; finished: readonly Call[] } {
  const records: Outgoing[] = []
  const finished: Call[] = []
  let bytes = 0
  for (const call of lane.waiting) {
    while (call.sent < call.records.length) {
      const record = call.records[call.sent]!
      const size = sizeOf(record)
      if (records.length > 0 && (bytes + size > limits.bytes || records.length === limits.records)) {
        lane.waiting.splice(0, finished.length)
        return { records, finished }
      }
      bytes += size
      records.push(record)
      call.sent++
    }
    finished.push(call)
  }
  lane.waiting = []
  return { records, finished }
}

/** Bytes on the wire, near enough: texts of ours are ASCII, and a record's own fields take less than 32. */
function sizeOf(record: Outgoing): number {
  let bytes = 32 + (record.key?.length ?? 0) + (record.value?.length ?? 0) + (record.cause?.length ?? 0)
  for (const name in record.headers) bytes += name.length + record.headers[name]!.length + 4
  return bytes
}
