import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import avro from 'avsc'
import { expect, test } from 'vitest'
import { asyncapi } from '../docs/asyncapi.ts'
import { topicsPage } from '../docs/topics-page.ts'
import { schemas, type TopicDefinition, topics } from '../src/index.ts'

const root = join(import.meta.dirname, '../../..')
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const services = ['intake', 'feature-updater', 'offer-scorer', 'push-dispatcher'] as const
const all = Object.entries(topics) as [string, TopicDefinition][]

test('the pages of topics are what the list says: run `pnpm generate` and commit the result', () => {
  expect(read('docs/topics.md')).toBe(topicsPage(topics, schemas))
  expect(JSON.parse(read('docs/api/asyncapi.json'))).toEqual(JSON.parse(JSON.stringify(asyncapi(topics, schemas))))
})

test('every topic and its dead letters is a channel, with a message that a reader of the schema alone can decode', () => {
  const document = JSON.parse(read('docs/api/asyncapi.json')) as Document
  expect(document.asyncapi).toBe('3.0.0')
  expect(Object.keys(document.channels).sort()).toEqual(all.flatMap(([name]) => [name, `${name}.dead-letters`]).sort())
  for (const message of Object.values(document.components.messages).filter(each => each.payload !== undefined)) {
    expect(message.payload!.schemaFormat).toBe('application/vnd.apache.avro;version=1.9.0')
    expect(avro.Type.forSchema(message.payload!.schema).name).toBe(message.name)
    expect(message.summary).toBeTruthy()
  }
})

test('an operation names a channel and messages of that channel, and every reference leads somewhere', () => {
  const document = JSON.parse(read('docs/api/asyncapi.json')) as Document
  expect(brokenReferences(document)).toEqual([])
  for (const { action, channel, messages } of Object.values(document.operations)) {
    expect(['send', 'receive']).toContain(action)
    for (const { $ref } of messages) expect($ref.startsWith(`${channel.$ref}/messages/`)).toBe(true)
  }
  const operation = Object.values(document.operations)[0]!
  const broken = { ...document, operations: { one: { ...operation, channel: { $ref: '#/channels/nowhere' } } } }
  expect(brokenReferences(broken)).toEqual(['#/channels/nowhere'])
})

test('a service opens the topics that the list says it writes or reads, and no others', () => {
  for (const service of services)
    expect(opened(service), service).toEqual(
      new Set(all.filter(([, topic]) => [...topic.writers, ...topic.readers].includes(service)).map(([name]) => name)),
    )
})

type Reference = { readonly $ref: string }
type Document = {
  readonly asyncapi: string
  readonly channels: Readonly<Record<string, unknown>>
  readonly operations: Readonly<
    Record<string, { readonly action: string; readonly channel: Reference; readonly messages: readonly Reference[] }>
  >
  readonly components: {
    readonly messages: Readonly<
      Record<
        string,
        {
          readonly name: string
          readonly summary?: string
          readonly payload?: { schemaFormat: string; schema: avro.Schema }
        }
      >
    >
  }
}

function brokenReferences(document: Document): string[] {
  const broken: string[] = []
  JSON.stringify(document, (key, value: unknown) => {
    if (key === '$ref') {
      let at: unknown = document
      for (const step of String(value).slice(2).split('/')) at = (at as Record<string, unknown> | undefined)?.[step]
      if (at === undefined) broken.push(String(value))
    }
    return value
  })
  return broken
}

/** By the calls of `openTopic` in its source; intake opens its sources from a list. */
function opened(service: string): Set<string> {
  const text = globSync(`services/${service}/src/**/*.ts`, { cwd: root }).map(read).join('\n')
  const listed = /sourceNames = \[([^\]]*)\]/.exec(text)?.[1] ?? ''
  return new Set([
    ...[...text.matchAll(/openTopic\([\w.]+, '([\w-]+)'/g)].map(([, name]) => name!),
    ...[...listed.matchAll(/'([\w-]+)'/g)].map(([, name]) => name!),
  ])
}
