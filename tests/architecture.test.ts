// The ladder of ARCHITECTURE.md, held against every package.json and every import.
import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const services = ['intake', 'feature-updater', 'offer-scorer', 'push-dispatcher']
const core = [
  'contracts',
  'messages',
  'streaming',
  'features',
  'catalogue',
  'mapping',
  'experiments',
  'ranker',
  'policy',
  'evaluation',
]
const everything = [...core, 'simulator', 'datasets', 'learning', 'stack', 'cli', ...services]

/** What each package may depend on. */
const ladder: Readonly<Record<string, readonly string[]>> = {
  contracts: [],
  streaming: ['contracts'],
  features: ['contracts'],
  messages: [],
  catalogue: ['contracts', 'messages'],
  experiments: ['contracts'],
  mapping: ['contracts', 'catalogue'],
  ranker: ['contracts', 'features', 'catalogue'],
  policy: ['contracts', 'features', 'catalogue', 'experiments'],
  evaluation: core.filter(name => name !== 'evaluation'),
  simulator: ['contracts'],
  datasets: ['contracts'],
  learning: [...core, 'simulator'],
  training: [],
  stack: everything,
  cli: everything,
  ...Object.fromEntries(services.map(name => [name, core])),
}

/** Pure: no clock, no chance, no node:*, no async. */
const pure = [
  'packages/features/src',
  'packages/catalogue/src',
  'packages/mapping/src',
  'packages/experiments/src',
  'packages/policy/src',
  'packages/evaluation/src/estimators',
  'packages/ranker/src/pairs.ts',
]

const manifests = globSync('{packages,services}/*/package.json', { cwd: root })
const sources = globSync('{packages,services}/*/src/**/*.ts', { cwd: root }).filter(file => !file.endsWith('.d.ts'))
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const code = (file: string): string => read(file).replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '')
const under = (file: string, folder: string): boolean => file === folder || file.startsWith(folder + sep)

describe('the ladder', () => {
  test.each(manifests)('%s depends only on what lies below it', file => {
    const name = basename(dirname(file))
    const manifest = JSON.parse(read(file)) as { dependencies?: Record<string, string> }
    const own = Object.keys(manifest.dependencies ?? {})
      .filter(each => each.startsWith('@offerstream/'))
      .map(each => each.slice('@offerstream/'.length))
    expect(ladder[name], `${name} has a place on the ladder`).toBeDefined()
    expect(own.filter(each => !ladder[name]!.includes(each))).toEqual([])
  })

  test('every package is on it and none is on it that does not exist', () => {
    expect(Object.keys(ladder).sort()).toEqual(manifests.map(file => basename(dirname(file))).sort())
  })

  test('packages reach each other only through index.ts', () => {
    const found = sources.filter(
      file =>
        /from '(@offerstream\/[\w-]+\/|\.\.\/\.\.\/(?!\.\.\/schemas))/.test(code(file)) &&
        !file.includes('generate.ts'),
    )
    expect(found).toEqual([])
  })

  test('an index names what it offers one by one', () => {
    const found = sources.filter(file => basename(file) === 'index.ts' && /export \*/.test(code(file)))
    expect(found).toEqual([])
  })

  test('every dependency is pinned to one version', () => {
    const loose: string[] = []
    for (const file of ['package.json', 'tests/package.json', ...manifests]) {
      const manifest = JSON.parse(read(file)) as Record<string, Record<string, string> | undefined>
      for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies'])
        for (const [name, version] of Object.entries(manifest[kind] ?? {}))
          if (!/^(\d+\.\d+\.\d+([-.+][\w.]+)?|workspace:\*)$/.test(version)) loose.push(`${file} ${name} ${version}`)
    }
    expect(loose).toEqual([])
  })
})

describe('what a file may do', () => {
  test.each([
    ['kafkajs', /from 'kafkajs'/, [join('packages', 'streaming', 'src', 'kafka-log.ts')]],
    [
      'the registry client',
      /from '@kafkajs\/confluent-schema-registry'/,
      [join('packages', 'streaming', 'src', 'confluent-registry.ts')],
    ],
    ['onnxruntime-node', /from 'onnxruntime-node'/, [join('packages', 'ranker', 'src', 'scoring.ts')]],
  ])('%s is imported in one file', (_name, pattern, allowed) => {
    const found = sources.filter(file => pattern.test(code(file)))
    expect(found.filter(file => !allowed.includes(file))).toEqual([])
    expect(found.length).toBeGreaterThan(0)
  })

  test('only config.ts of a service reads the environment', () => {
    expect(
      sources.filter(
        file => file.startsWith('services') && /process\.env/.test(code(file)) && basename(file) !== 'config.ts',
      ),
    ).toEqual([])
  })

  test('the pure packages have no clock, no chance, no node:* and nothing asynchronous', () => {
    const impure =
      /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|from 'node:|\basync\b|\bawait\b|\bsetTimeout\b|\bprocess\./
    const found = sources.filter(
      file => pure.some(folder => under(file, folder.split('/').join(sep))) && impure.test(code(file)),
    )
    expect(found.map(file => `${relative('.', file)}: ${impure.exec(code(file))?.[0]}`)).toEqual([])
  })
})
