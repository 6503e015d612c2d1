import { deadLettersKeptMs, type TopicDefinition } from '../src/topics.ts'

export type Topics = Readonly<Record<string, TopicDefinition>>
export type Schemas = Readonly<Record<string, string>>

const avro = 'application/vnd.apache.avro;version=1.9.0'
const bindingVersion = '0.5.0'
const ref = ($ref: string) => ({ $ref })

/** What stands beside the value of a record; all headers are text. */
const headers = {
  type: 'object',
  properties: {
    cause: {
      type: 'string',
      pattern: '^.+@\\d+/\\d+/\\d+/\\d+$',
      description:
        'topic@generation/partition/offset/index of the record this one follows from, on every record that services write. Within one topic and partition of causes it rises; a record whose cause is not above the highest one seen repeats what was there, and is to be dropped.',
    },
    'expects-offset': {
      type: 'string',
      pattern: '^\\d+$',
      description:
        'The record is void unless it stands at this offset: a compare-and-set that every reader judges alike.',
    },
  },
}

const deadLetterHeaders = {
  type: 'object',
  required: ['reason', 'service', 'source'],
  properties: {
    reason: { type: 'string', description: 'Short and fixed, for example wrong-magic-byte.' },
    service: { type: 'string', description: 'Who could not handle it.' },
    source: { type: 'string', pattern: '^.+/\\d+/\\d+$', description: 'topic/partition/offset where it was read.' },
  },
}

/**
 * The AsyncAPI 3.0 document of every topic and its dead letters, from the list of topics and the schemas by file name.
 * Source: https://www.asyncapi.com/docs/reference/specification/v3.0.0
 */
export function asyncapi(topics: Topics, schemas: Schemas) {
  const channels: Record<string, unknown> = {}
  const operations: Record<string, unknown> = {}
  for (const [name, topic] of Object.entries(topics)) {
    channels[name] = {
      address: `{prefix}${name}`,
      title: name,
      description: topic.doc,
      parameters: { prefix: ref('#/components/parameters/prefix') },
      messages: Object.fromEntries(topic.records.map(each => [each, ref(`#/components/messages/${each}`)])),
      bindings: { kafka: { ...partitionsOf(topic), topicConfiguration: keptAs(topic.kept), bindingVersion } },
    }
    channels[`${name}.dead-letters`] = {
      address: `{prefix}${name}.dead-letters`,
      title: `${name}.dead-letters`,
      description: `What nobody could handle of ${name}: the bytes as they were read, with why and whence in the headers.`,
      parameters: { prefix: ref('#/components/parameters/prefix') },
      messages: { 'dead-letter': ref('#/components/messages/dead-letter') },
      bindings: { kafka: { topicConfiguration: keptAs(deadLettersKeptMs), bindingVersion } },
    }
    const operation = (action: 'send' | 'receive') => ({
      action,
      channel: ref(`#/channels/${name}`),
      messages: topic.records.map(each => ref(`#/channels/${name}/messages/${each}`)),
    })
    for (const writer of topic.writers) operations[`${writer}.writes.${name}`] = operation('send')
    for (const reader of topic.readers) operations[`${reader}.reads.${name}`] = operation('receive')
  }
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Offerstream: topics',
      version: '1',
      description:
        'Values are Avro in the framing of a Confluent-compatible registry: a zero byte, the id of the schema in four bytes, the record. Delivery is at least once. Moments are milliseconds since the epoch; money is in minor units of its currency.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/vnd.apache.avro',
    servers: {
      kafka: {
        host: '{host}',
        protocol: 'kafka',
        variables: { host: { default: '127.0.0.1:9092', description: 'Brokers.' } },
        bindings: { kafka: { schemaRegistryVendor: 'confluent', bindingVersion } },
      },
    },
    channels,
    operations,
    components: {
      parameters: { prefix: { default: '', description: 'OFFERSTREAM_PREFIX, so that brands can share a cluster.' } },
      messages: {
        ...Object.fromEntries(
          Object.values(topics).flatMap(topic => topic.records.map(each => [each, messageOf(topic, schemas[each]!)])),
        ),
        'dead-letter': {
          name: 'dead-letter',
          title: 'Dead letter',
          contentType: 'application/octet-stream',
          headers: deadLetterHeaders,
        },
      },
    },
  }
}

function messageOf(topic: TopicDefinition, text: string) {
  const schema = JSON.parse(text) as { name: string; namespace: string; doc: string }
  return {
    name: `${schema.namespace}.${schema.name}`,
    title: schema.name,
    summary: schema.doc,
    headers,
    payload: { schemaFormat: avro, schema },
    bindings: {
      kafka: {
        key: { type: 'string', description: keyOf[topic.key] },
        schemaIdLocation: 'payload',
        schemaIdPayloadEncoding: 'confluent',
        schemaLookupStrategy: 'RecordNameStrategy',
        bindingVersion,
      },
    },
  }
}

/** What a key holds. */
const keyOf: Readonly<Record<TopicDefinition['key'], string>> = {
  customer: 'The pseudonym of the customer; a customer keeps to one partition.',
  name: 'type/name of what the record sets, for example item/plan-m.',
}

const partitionsOf = (topic: TopicDefinition) => (topic.partitions === 'one' ? { partitions: 1 } : {})

const keptAs = (kept: TopicDefinition['kept']) =>
  kept === 'compacted'
    ? { 'cleanup.policy': ['compact'] }
    : { 'cleanup.policy': ['delete'], 'retention.ms': kept === 'for-ever' ? -1 : kept }
