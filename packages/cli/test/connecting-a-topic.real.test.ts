// docs/tour/connecting-a-topic.md as a reader follows it: its files are written, its commands run against a real Kafka,
// Redis and registry, and what it shows must come out. Then features are compared with the naive fold of the journal.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CustomerEvent } from '@offerstream/contracts'
import { updaterName } from '@offerstream/feature-updater'
import { naive, read, states } from '@offerstream/features'
import { openTopic, partitionOf, type Surroundings } from '@offerstream/streaming'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sharedStack } from '../../../tests/shared-stack.ts'
import { surroundingsOf } from '../src/index.ts'
import { csvOf, now, ordersUntil, shopFile } from './history.ts'
import { notShown } from './not-shown.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const main = join(root, 'packages', 'cli', 'src', 'main.ts')
const chapter = readFileSync(join(root, 'docs', 'tour', 'connecting-a-topic.md'), 'utf8')
const prefix = 'tour.'

const stack = sharedStack()
let dir: string
let background: ChildProcess | null = null

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'offerstream-tour-'))
})
afterAll(async () => {
  await ended()
  rmSync(dir, { recursive: true, force: true })
})

type Block = { readonly about: string; readonly text: string }

const blocks: readonly Block[] = [...chapter.matchAll(/^```(?:console|json|csv)(.*)\n([\s\S]*?)^```$/gm)].map(
  ([, about, text]) => ({ about: about!.trim(), text: text! }),
)

function start(command: string, as = prefix): ChildProcess {
  const { brokers, redis, registry } = stack.addresses!
  const words = command.split(' ')
  expect(words.slice(0, 2)).toEqual(['pnpm', 'offerstream'])
  return spawn(
    process.execPath,
    ['--disable-warning=TimeoutNegativeWarning', main, ...words.slice(2), '--stack', 'external'],
    {
      cwd: dir,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        OFFERSTREAM_KAFKA_BROKERS: brokers.join(),
        OFFERSTREAM_REDIS_URL: redis,
        OFFERSTREAM_REGISTRY_URL: registry,
        OFFERSTREAM_PREFIX: as,
      },
    },
  )
}

/** Resolves once it printed what is expected. */
function until(child: ChildProcess, expected: string): Promise<void> {
  let output = ''
  return new Promise((resolve, reject) => {
    child.stderr!.on('data', chunk => {
      output += chunk
    })
    child.stdout!.on('data', chunk => {
      output += chunk
      if (notShown(output, expected) === null) resolve()
    })
    child.on('exit', code => reject(new Error(`${child.spawnargs.join(' ')} ended with ${code}: ${output}`)))
  })
}

async function ended(): Promise<void> {
  if (background === null || background.exitCode !== null) return
  const exit = new Promise(resolve => background!.on('exit', resolve))
  background.kill('SIGINT')
  await exit
}

async function run(command: string, as = prefix): Promise<{ code: number | null; output: string; errors: string }> {
  const child = start(command, as)
  let [output, errors] = ['', '']
  child.stdout!.on('data', chunk => {
    output += chunk
  })
  child.stderr!.on('data', chunk => {
    errors += chunk
  })
  const code = await new Promise<number | null>(resolve => child.on('exit', resolve))
  return { code, output, errors }
}

test('the chapter, from the first command to the last', async () => {
  expect(blocks.filter(({ text }) => text.startsWith('$')).length).toBeGreaterThanOrEqual(8)
  for (const { about, text } of blocks) {
    if (!text.startsWith('$ ')) {
      writeFileSync(join(dir, about), text)
      continue
    }
    const [first, ...rest] = text.split('\n')
    const command = first!.slice(2)
    const expected = rest.join('\n')
    if (about === 'background') {
      await ended()
      background = start(command)
      await until(background, expected)
      continue
    }
    const wanted = Number(/exit=(\d+)/.exec(about)?.[1] ?? 0)
    for (let tries = 1; ; tries++) {
      const { code, output, errors } = await run(command)
      if (about === 'until' && tries < 10 && notShown(output, expected) !== null) continue
      expect(code, `${command}\n${output}\n${errors}`).toBe(wanted)
      expect(notShown(output, expected), `${command}\nshould show\n${expected}\nand shows\n${output}`).toBeNull()
      break
    }
  }

  // The five good messages and three rows, once each, whatever order they came in.
  await ended()
  const events = await journalAsFeaturesHaveIt(prefix)
  expect(events.filter(({ triggers }) => triggers)).toHaveLength(5)
  expect(events.filter(({ triggers }) => !triggers)).toHaveLength(3)
  await using(prefix, async ({ log }) => {
    const dead = await log.bounds('kiosk-sales.dead-letters')
    expect(dead.reduce((sum, { first, next }) => sum + next - first, 0)).toBe(1)
  })
}, 400_000)

test('an import killed twice while live messages flow ends in the features of all events', async () => {
  const shop = 'shop.'
  const rows = ordersUntil(now - 10 * 86_400_000, 40_000, 'past', 60_000)
  const live = ordersUntil(now - 60_000, 3000, 'live', 1000)
  writeFileSync(join(dir, 'past.csv'), csvOf(rows))
  writeFileSync(join(dir, 'shop.json'), JSON.stringify(shopFile))
  await using(shop, ({ log }) => log.ensureTopics([{ name: 'shop-orders', partitions: 3, kept: 'for-ever' }]))
  background = start('pnpm offerstream run intake feature-updater --create-sources --mapping shop.json', shop)
  await until(background, 'running; API')
  const importing = 'pnpm offerstream import past.csv --mapping shop.json --json'
  const sending = using(shop, async ({ log }) => {
    for (const [i, order] of live.entries()) {
      await log.append('shop-orders', i % 3, [{ key: null, value: Buffer.from(JSON.stringify(order)) }])
      if (i % 10 === 0) await new Promise(resolve => setTimeout(resolve, 10))
    }
  })
  for (const rowsBefore of [5000, 14_000]) {
    const child = start(importing, shop)
    const exit = new Promise(resolve => child.on('exit', resolve))
    await using(shop, async ({ log }) => {
      const written = async (): Promise<number> =>
        (await log.bounds(`${shop}customer-events`)).reduce((sum, { first, next }) => sum + next - first, 0)
      while (child.exitCode === null && (await written()) < rowsBefore)
        await new Promise(resolve => setTimeout(resolve, 5))
    })
    expect(child.exitCode, 'killed while it works').toBe(null)
    child.kill('SIGKILL')
    await exit
  }
  await sending
  const { output, errors } = await run(importing, shop)
  const summary = JSON.parse(output || 'null') as { complete: boolean; files: { taken: number; already: number }[] }
  expect(summary, errors).toMatchObject({ complete: true, files: [{ rows: 40_000, refused: 0 }] })
  const [{ taken, already }] = summary.files as [{ taken: number; already: number }]
  expect(taken + already).toBe(40_000)
  expect(already).toBeGreaterThan(0)
  await using(shop, async ({ log }) => {
    const group = `${shop}${updaterName}`
    const path = `${shop}customer-events`
    const behind = async (): Promise<boolean> => {
      const committed = await log.committed(group, path)
      return (await log.bounds(path)).some(({ next }, partition) => (committed[partition] ?? 0) < next)
    }
    for (let tries = 0; tries < 200 && (await behind()); tries++) await new Promise(resolve => setTimeout(resolve, 100))
  })
  await ended()
  const events = await journalAsFeaturesHaveIt(shop)
  expect(events.filter(({ triggers }) => !triggers)).toHaveLength(40_000)
  await using(shop, async ({ log, registry }) => {
    const updates = await openTopic(registry, 'feature-updates', shop)
    const fired: string[] = []
    for (const partition of (await log.bounds(updates.path)).keys())
      for await (const messages of log.read(updates.path, partition, 0))
        fired.push(...messages.map(({ value }) => updates.codec.decode(value!).trigger.event))
    expect(fired.filter(id => id.startsWith('past-'))).toEqual([])
  })
}, 400_000)

async function using<T>(prefix: string, work: (surroundings: Surroundings) => Promise<T>): Promise<T> {
  const surroundings = surroundingsOf(stack, { prefix, partitions: 12 })
  try {
    return await work(surroundings)
  } finally {
    await surroundings.close()
  }
}

/** The journal without what a crash repeated, after each customer's features were found equal to its naive fold. */
const journalAsFeaturesHaveIt = (prefix: string): Promise<readonly CustomerEvent[]> =>
  using(prefix, async ({ log, store, registry }) => {
    const journal = await openTopic(registry, 'customer-events', prefix)
    const events = new Map<string, CustomerEvent>()
    for (const partition of (await log.bounds(journal.path)).keys())
      for await (const messages of log.read(journal.path, partition, 0))
        for (const { value, cause } of messages) {
          const envelope = journal.codec.decode(value!)
          if (envelope.event.type !== 'tick' && !events.has(cause!)) events.set(cause!, envelope)
        }
    const all = [...events.values()]
    for (const [customer, own] of Map.groupBy(all, ({ event }) => (event.type === 'tick' ? '' : event.customer))) {
      const [bytes] = await store.peek(updaterName, partitionOf(customer, 12), [customer])
      const state = states.decode(bytes!)
      expect(read(state, state.at)).toEqual(naive(own, state.at))
    }
    return all
  })
