// The examples for other subscribers, each as a process of its own with nothing there but what its second line installs.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { surroundingsOf } from '@offerstream/cli'
import type { NextBestOffer } from '@offerstream/contracts'
import { openTopic } from '@offerstream/streaming'
import { afterAll, expect, test } from 'vitest'
import { packOffer } from './offers.ts'
import { sharedStack } from './shared-stack.ts'

const root = join(import.meta.dirname, '..')
const examples = join(root, 'docs/examples')
const partitions = 3
const customers = Array.from({ length: 12 }, (_, index) => `customer-${index}`)
const stack = sharedStack()
const folder = mkdtempSync(join(tmpdir(), 'examples-'))
const at = Date.now()

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const offer = (customer: string, sequence: number, change: Partial<NextBestOffer> = {}): NextBestOffer =>
  packOffer({
    ...{ id: `${customer}/${sequence}`, customer, at, sequence },
    ...{ text: 'Two gigabytes more for €5', reasons: ['allowance'], expiresAt: at + 60 * 60 * 1000 },
    ...change,
  })

/** Sequences 1, 2, 4 and 5 with repeats at once and late, 3 when it is superseded already, and one that has expired. */
const firstHalf = customers.flatMap(name => [offer(name, 1), offer(name, 1), offer(name, 2), offer(name, 1)])
const secondHalf = customers.flatMap(name => [
  offer(name, 4),
  offer(name, 3),
  offer(name, 2),
  offer(name, 4),
  offer(name, 6, { id: `${name}/expired`, expiresAt: at - 1 }),
  offer(name, 5),
  offer(name, 5),
])
const wanted = customers.flatMap(name => [1, 2, 4, 5].map(sequence => `${name}/${sequence}`)).sort()

type Example = {
  readonly name: string
  readonly file: string
  /** Lines that drop repeats and what is superseded. */
  readonly guards: RegExp
  /** Puts what the example needs into the folder that it runs in; answers the program that runs it. */
  prepare(home: string): string
}

const typeScript: Example = {
  name: 'TypeScript',
  file: 'offers-consumer.ts',
  guards: /^.*return \/\/ (?:delivery|a later offer).*\n/gm,
  prepare(home) {
    mkdirSync(join(home, 'node_modules/@kafkajs'), { recursive: true })
    for (const name of ['kafkajs', '@kafkajs/confluent-schema-registry'])
      symlinkSync(join(root, 'packages/streaming/node_modules', name), join(home, 'node_modules', name))
    symlinkSync(join(root, 'node_modules/@types'), join(home, 'node_modules/@types'))
    return process.execPath
  },
}

const python: Example = {
  name: 'Python',
  file: 'offers_consumer.py',
  guards: /^.*# (?:delivery|a later offer).*\n\s+return\n/gm,
  prepare(home) {
    const text = readFileSync(join(examples, python.file), 'utf8')
    const packages = /pip install (.*?) &&/.exec(text)![1]!.split(' ')
    const pip = ['-m', 'pip', 'install', '-q', '--target', home, '--only-binary', ':all:', '--no-deps', '--no-compile']
    const { status, stderr } = spawnSync('python3', [...pip, ...packages], { encoding: 'utf8' })
    if (status !== 0) throw new Error(`pip: ${stderr}`)
    return 'python3'
  },
}

test.for([typeScript, python])(
  '$name: each id is handled once, killed or not, and the newest offer of a customer supersedes',
  async ({ name, file: program, guards, prepare }, { expect, onTestFinished }) => {
    const prefix = `examples-${name}.`
    const surroundings = surroundingsOf(stack, { prefix, partitions })
    onTestFinished(() => surroundings.close())
    const { log, registry } = surroundings
    await log.ensureTopics([{ name: `${prefix}next-best-offers`, partitions, kept: 'for-ever' }])
    const { path, codec } = await openTopic(registry, 'next-best-offers', prefix)
    const append = async (offers: readonly NextBestOffer[]): Promise<void> => {
      for (const [partition, some] of Map.groupBy(offers, each => customers.indexOf(each.customer) % partitions))
        await log.append(
          path,
          partition,
          some.map(each => ({ key: each.customer, value: codec.encode(each) })),
        )
    }

    const began = performance.now()
    const home = join(folder, name)
    mkdirSync(home)
    const interpreter = prepare(home)
    const text = readFileSync(join(examples, program), 'utf8')
    const unguarded = text.replace(guards, '')
    expect(unguarded.length).toBeLessThan(text.length)
    writeFileSync(join(home, program), text)
    writeFileSync(join(home, `unguarded-${program}`), unguarded)
    let said = ''
    const run = (script: string, handledFile: string, group: string): ChildProcess => {
      const child = spawn(interpreter, [join(home, script)], {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: {
          ...process.env,
          KAFKA_BROKERS: stack.addresses!.brokers.join(','),
          REGISTRY_URL: stack.addresses!.registry,
          TOPIC: path,
          GROUP: `${prefix}${group}`,
          HANDLED_FILE: handledFile,
        },
      })
      child.stderr!.on('data', data => {
        said += data
      })
      onTestFinished(() => void child.kill('SIGKILL'))
      return child
    }
    const until = async (holds: () => boolean, what: string): Promise<void> => {
      for (const end = performance.now() + 45_000; !holds(); await sleep(20))
        if (performance.now() > end) throw new Error(`waited 45 s for ${what}; it said ${said.slice(-1000)}`)
    }
    await append(firstHalf)
    const file = join(folder, `${name}.jsonl`)
    const killed = run(program, file, 'a')
    await until(() => handled(file).length >= customers.length, 'the first offers')
    killed.kill('SIGKILL')
    await once(killed, 'exit')
    await append(secondHalf)

    // In a group of its own it reads all from the beginning again, what it handled before included.
    const restarted = run(program, file, 'b')
    const control = join(folder, `${name}-control.jsonl`)
    run(`unguarded-${program}`, control, 'c')
    const ids = (of: string): string[] => handled(of).map(({ id }) => id)
    const isThrough = (of: string): boolean => customers.every(each => ids(of).includes(`${each}/5`))
    await until(() => isThrough(file), 'the last offers')
    restarted.kill('SIGTERM')
    const [code] = await once(restarted, 'exit')
    expect(code).toBe(0)
    expect(ids(file).sort()).toEqual(wanted)
    for (const customer of customers) {
      const sequences = handled(file).flatMap(each => (each.customer === customer ? [each.sequence] : []))
      expect(sequences).toEqual(sequences.toSorted((one, other) => one - other))
    }

    // With the guards cut out the same file handles what it should have dropped.
    await until(() => isThrough(control), 'the last offers without guards')
    expect(ids(control).length).toBeGreaterThan(new Set(ids(control)).size)
    expect(ids(control)).toContain(`${customers[0]}/3`)
    console.log(`${name} example: ${((performance.now() - began) / 1000).toFixed(1)} s`)
  },
)

test('the examples are of fifty lines at most, and the TypeScript one is typed', () => {
  for (const name of ['offers-consumer.ts', 'offers_consumer.py'])
    expect(readFileSync(join(examples, name), 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(50)
  const options =
    '--noEmit --strict --skipLibCheck --module esnext --moduleResolution bundler --target esnext --types node'.split(
      ' ',
    )
  const { status, stdout } = spawnSync('tsc', [...options, 'offers-consumer.ts'], {
    cwd: join(folder, typeScript.name),
    encoding: 'utf8',
  })
  expect(status, stdout).toBe(0)
})

const handled = (file: string): NextBestOffer[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line) as NextBestOffer)
    : []
