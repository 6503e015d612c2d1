// docs/tour/connecting-a-topic.md as a reader follows it: its files are written, its commands run against a real Kafka,
// Redis and registry, and what it shows must come out. Then features are compared with the naive fold of the journal.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { updaterName } from '@offerstream/feature-updater'
import { naive, read, states } from '@offerstream/features'
import { type Stack, startStack } from '@offerstream/stack'
import { openTopic, partitionOf } from '@offerstream/streaming'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { surroundingsOf } from '../src/index.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const main = join(root, 'packages', 'cli', 'src', 'main.ts')
const chapter = readFileSync(join(root, 'docs', 'tour', 'connecting-a-topic.md'), 'utf8')
const prefix = 'tour.'

let stack: Stack
let dir: string
let background: ChildProcess | null = null

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'offerstream-tour-'))
  stack = await startStack('local', { instance: `tour-${process.pid}`, fresh: true })
})
afterAll(async () => {
  await ended()
  await stack?.stop()
  rmSync(dir, { recursive: true, force: true })
  rmSync(join(root, '.local', 'stacks', `tour-${process.pid}`), { recursive: true, force: true })
})

type Block = { readonly about: string; readonly text: string }

const blocks: readonly Block[] = [...chapter.matchAll(/^```(?:console|json|csv)(.*)\n([\s\S]*?)^```$/gm)].map(
  ([, about, text]) => ({ about: about!.trim(), text: text! }),
)

function start(command: string): ChildProcess {
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
        OFFERSTREAM_PREFIX: prefix,
      },
    },
  )
}

async function ended(): Promise<void> {
  if (background === null || background.exitCode !== null) return
  const exit = new Promise(resolve => background!.on('exit', resolve))
  background.kill('SIGINT')
  await exit
}

/** Whether the lines shown come in this order; `…` stands for any lines, and within a line for any text. */
function shows(output: string, expected: string): boolean {
  const squeeze = (line: string): string => line.trim().replace(/\s+/g, ' ')
  const found = output.split('\n').map(squeeze)
  let at = 0
  for (const line of expected.split('\n').map(squeeze)) {
    if (line === '' || line === '…') continue
    const parts = line.split('…').map(squeeze)
    const fits = (candidate: string): boolean => {
      let from = 0
      return parts.every(part => {
        const next = candidate.indexOf(part, from)
        from = next + part.length
        return next >= 0
      })
    }
    while (at < found.length && !fits(found[at]!)) at++
    if (at++ >= found.length) return false
  }
  return true
}

async function run(command: string): Promise<{ code: number | null; output: string; errors: string }> {
  const child = start(command)
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
      let output = ''
      await new Promise<void>((resolve, reject) => {
        background!.stderr!.on('data', chunk => {
          output += chunk
        })
        background!.stdout!.on('data', chunk => {
          output += chunk
          if (shows(output, expected)) resolve()
        })
        background!.on('exit', code => reject(new Error(`${command} ended with ${code}: ${output}`)))
      })
      continue
    }
    const wanted = Number(/exit=(\d+)/.exec(about)?.[1] ?? 0)
    for (let tries = 1; ; tries++) {
      const { code, output, errors } = await run(command)
      if (about === 'until' && tries < 10 && !shows(output, expected)) continue
      expect(code, `${command}\n${output}\n${errors}`).toBe(wanted)
      expect(shows(output, expected), `${command}\nshould show\n${expected}\nand shows\n${output}`).toBe(true)
      break
    }
  }

  // The five good messages and three rows, once each, whatever order they came in.
  await ended()
  const surroundings = surroundingsOf(stack, { prefix, partitions: 12 })
  try {
    const journal = await openTopic(surroundings.registry, 'customer-events', prefix)
    const events = []
    for (const partition of (await surroundings.log.bounds(journal.path)).keys())
      for await (const messages of surroundings.log.read(journal.path, partition, 0))
        events.push(
          ...messages.map(({ value }) => journal.codec.decode(value!)).filter(({ event }) => event.type !== 'tick'),
        )
    expect(events.filter(({ triggers }) => triggers)).toHaveLength(5)
    expect(events.filter(({ triggers }) => !triggers)).toHaveLength(3)
    const dead = await surroundings.log.bounds('kiosk-sales.dead-letters')
    expect(dead.reduce((sum, { first, next }) => sum + next - first, 0)).toBe(1)
    for (const [customer, own] of Map.groupBy(events, ({ event }) => (event.type === 'tick' ? '' : event.customer))) {
      const [bytes] = await surroundings.store.peek(updaterName, partitionOf(customer, 12), [customer])
      const state = states.decode(bytes!)
      expect(read(state, state.at)).toEqual(naive(own, state.at))
    }
  } finally {
    await surroundings.close()
  }
}, 180_000)
