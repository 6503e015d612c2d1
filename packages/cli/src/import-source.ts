import { type TopicName, topics } from '@offerstream/contracts'
import {
  contractSource,
  type MappedSource,
  type Mapping,
  meant,
  type RecordName,
  recordNames,
} from '@offerstream/mapping'
import { Refused } from '@offerstream/streaming'
import type { RowFile } from './import-rows.ts'

/** Topics whose rows a file may hold under the contract's own names. */
export const contractTopics = (Object.keys(topics) as TopicName[]).filter(name => topics[name].owner === 'upstream')

/**
 * How the rows of a file are read: as the mapping says of the source called `name`, or without a mapping as records of
 * the contract's topic of that name. Throws `Refused` naming what there is.
 */
export async function sourceFor(file: RowFile, mapping: Mapping | null, name: string | null): Promise<MappedSource> {
  if (mapping !== null) {
    const names = mapping.sources.map(source => source.name)
    const found =
      name === null && names.length === 1 ? mapping.sources[0] : mapping.sources.find(each => each.name === name)
    if (found !== undefined) return found
    throw new Refused(
      name === null
        ? `the mapping of ${mapping.company} has several sources; say with --source which one the file is: ${names.join(', ')}`
        : `the mapping of ${mapping.company} has no source "${name}"; ${meant(name, names)}`,
    )
  }
  const topic = contractTopics.find(each => each === name)
  if (topic === undefined)
    throw new Refused(
      name === null
        ? `without a mapping, --source says what the rows are: ${contractTopics.join(', ')}`
        : `"${name}" is none of the contract's topics, and there is no mapping; ${meant(name, contractTopics)}`,
    )
  const records = (topics[topic].records as readonly string[]).filter((each): each is RecordName =>
    (recordNames as readonly string[]).includes(each),
  )
  const several = records.length > 1 && file.columns !== null && !file.columns.includes('type')
  return contractSource(topic, several ? records.slice(0, 1) : records, {
    time: await timeOf(file),
    columns: file.columns,
  })
}

/** Milliseconds as in the contract, or ISO texts as a Parquet time stamp reads. */
async function timeOf(file: RowFile): Promise<'iso' | 'milliseconds'> {
  for await (const [row] of file.read()) {
    const at = (row as { at?: unknown } | null)?.at
    return typeof at === 'string' && !/^\d+$/.test(at) ? 'iso' : 'milliseconds'
  }
  return 'milliseconds'
}
