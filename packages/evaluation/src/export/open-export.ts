import { join } from 'node:path'
import { type DuckDBBlobValue, DuckDBInstance } from '@duckdb/node-api'
import { avroCodec, topics } from '@offerstream/contracts'
import {
  type Log,
  type Message,
  memoryRegistry,
  Refused,
  type Surroundings,
  UnknownTopic,
} from '@offerstream/streaming'
import { type ExportedTopic, exportedTopics, readManifest, verifyFiles } from './manifest.ts'

/** An export as the log it came from, to be read only. */
export type OpenedExport = Pick<Surroundings, 'log' | 'registry' | 'prefix'> & { close(): Promise<void> }

/** Throws `Refused` for a folder that holds no export, and naming each file that is missing, cut or changed. */
export async function openExport(dir: string): Promise<OpenedExport> {
  const manifest = await readManifest(dir)
  if (manifest === null)
    throw new Refused(`${dir} holds no export: it has no manifest.json; offerstream export --out ${dir} writes one`)
  await verifyFiles(dir, manifest)
  const registry = memoryRegistry()
  const frames = new Map<string, Buffer>()
  for (const name of exportedTopics) {
    const codec = avroCodec(topics[name].records[0])
    const frame = Buffer.alloc(5)
    frame.writeInt32BE(await registry.register(codec.name, manifest.topics[name].schema), 1)
    frames.set(name, frame)
  }
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '1GB' })
  const topicOf = (name: string): ExportedTopic => {
    const found = exportedTopics.find(each => each === name)
    if (found === undefined) throw new UnknownTopic(`topic ${name} is not part of an export`)
    return found
  }
  const never = async (): Promise<never> => {
    throw new Error('an export is only read')
  }
  const log: Log = {
    ensureTopics: never,
    append: never,
    tail: never,
    committed: never,
    subscribe: never,
    topicNames: async () => exportedTopics,
    bounds: async topic => manifest.topics[topicOf(topic)].partitions,
    async *read(topic, partition, from, to = Number.MAX_SAFE_INTEGER) {
      const name = topicOf(topic)
      const files = manifest.files.filter(
        file =>
          file.topic === name && file.partition === partition && file.offsets.next > from && file.offsets.first < to,
      )
      const frame = frames.get(topic)!
      const connection = await instance.connect()
      try {
        // Only what was written together is sorted together: a partition may be larger than memory.
        for (const together of Map.groupBy(files, ({ offsets }) => offsets.first).values()) {
          const list = together.map(({ path }) => `'${join(dir, path).replaceAll("'", "''")}'`).join()
          const result = await connection.stream(
            `select "offset", epoch_ms(logged_at), key, cause, record from read_parquet([${list}])
             where "offset" >= ${Math.max(0, from)} and "offset" < ${to} order by "offset"`,
          )
          for await (const rows of result.yieldRows())
            yield rows.map(
              ([offset, loggedAt, key, cause, record]): Message => ({
                partition,
                offset: Number(offset),
                key: key as string | null,
                value: Buffer.concat([frame, (record as DuckDBBlobValue).bytes]),
                cause: cause as string | null,
                headers: {},
                timestamp: Number(loggedAt),
              }),
            )
        }
      } finally {
        connection.closeSync()
      }
    },
    close: async () => {},
  }
  return {
    log,
    registry,
    prefix: '',
    async close() {
      instance.closeSync()
    },
  }
}
