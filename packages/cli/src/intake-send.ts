import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { type Outgoing, partitionOf, Refused, type Surroundings } from '@offerstream/streaming'

const atOnce = 1000

/**
 * Writes the lines of a file onto a topic as they are, as a company's own system would; makes the topic where there is
 * none. `key` names the JSON field whose value becomes each message's key. Answers how many lines were written.
 */
export async function sendLines(
  { log, partitions }: Surroundings,
  topic: string,
  file: string,
  key: string | null,
): Promise<number> {
  if (!(await log.topicNames()).includes(topic))
    await log.ensureTopics([{ name: topic, partitions, kept: 7 * 86_400_000 }])
  const count = (await log.bounds(topic)).length
  let sent = 0
  let waiting = new Map<number, Outgoing[]>()
  const flush = async (): Promise<void> => {
    await Promise.all([...waiting].map(([partition, records]) => log.append(topic, partition, records)))
    waiting = new Map()
  }
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.trim() === '') continue
    const keyText = key === null ? null : keyOf(line, key, `${file} line ${sent + 1}`)
    const partition = keyText === null ? sent % count : partitionOf(keyText, count)
    const records = waiting.get(partition) ?? []
    records.push({ key: keyText, value: Buffer.from(line) })
    waiting.set(partition, records)
    if (++sent % atOnce === 0) await flush()
  }
  await flush()
  return sent
}

function keyOf(line: string, field: string, where: string): string {
  try {
    const value = (JSON.parse(line) as Record<string, unknown>)[field]
    if (typeof value === 'string' || typeof value === 'number') return String(value)
  } catch {
    throw new Refused(`${where} is no JSON, so it has no field "${field}" for a key`)
  }
  throw new Refused(`${where} has no field "${field}" for a key`)
}
