// docs/tour/adding-a-feature.md, run as it stands: in a copy of this package, so that the feature is really in the list.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import * as words from '../src/feature.ts'

const here = join(import.meta.dirname, '..')
const chapter = readFileSync(join(here, '../../docs/tour/adding-a-feature.md'), 'utf8')
const blocks = [...chapter.matchAll(/^( *)```(\w+) ?(.*)\n([\s\S]*?)^ *```$/gm)].map(
  ([, indent, kind, name, text]) => ({
    kind: kind!,
    name: name!,
    text: text!.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }),
)
const blockFor = (name: string): string => blocks.find(each => each.name === name)!.text
const programs = blocks.flatMap(({ kind, name, text }, at) =>
  kind === 'ts' && name === '' ? [[text, blocks[at + 1]!] as const] : [],
)

let root: string
let copy: string
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'offerstream-tour-'))
  copy = join(root, 'packages/features')
  mkdirSync(join(root, 'docs'))
  for (const part of ['src', 'test', 'docs', 'package.json'])
    cpSync(join(here, part), join(copy, part), { recursive: true })
  symlinkSync(join(here, 'node_modules'), join(copy, 'node_modules'))
  cpSync(join(here, '../../docs/features.md'), join(root, 'docs/features.md'))
  const list = join(copy, 'src/features.ts')
  const source = readFileSync(list, 'utf8')
  const end = source.indexOf('} satisfies Features')
  expect(end).toBeGreaterThan(0)
  writeFileSync(list, source.slice(0, end) + blockFor('packages/features/src/features.ts') + source.slice(end))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

function node(...given: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, given, { cwd: copy, encoding: 'utf8' })
  if (status !== 0) throw new Error(stdout + stderr)
  return stdout
}

function run(program: string): string {
  writeFileSync(join(copy, 'program.ts'), program)
  return node('program.ts')
}

it('has programs to run', () => expect(programs).toHaveLength(2))

it.each(programs)('program %# prints what the chapter says', (program, output) => {
  expect(output.kind).toBe('text')
  expect(run(program)).toBe(output.text)
})

it('pnpm generate writes its row', () => {
  const page = () => readFileSync(join(root, 'docs/features.md'), 'utf8')
  expect(page()).not.toContain('roaming_mb_30d')
  node('docs/write-features.ts')
  expect(page()).toContain(blockFor('docs/features.md'))
})

it('generated histories read it as its oracle does, and most have something of it', () => {
  const compared = `
    import { apply, empty, naive, names, read } from './src/index.ts'
    import { generatedHistory } from './test/generated-history.ts'
    const place = names.indexOf('roaming_mb_30d')
    let something = 0
    for (let seed = 1; seed <= 100; seed++) {
      const journal = generatedHistory(seed, true)
      const state = journal.reduce(apply, empty)
      const value = read(state, state.at)[place]
      if (!Object.is(value, naive(journal, state.at)[place])) throw new Error('history ' + seed)
      if (value > 0) something++
    }
    console.log(something)
  `
  expect(Number(run(compared))).toBeGreaterThan(50)
})

it('the chapter names every word of a line, and no other', () => {
  const section = chapter.slice(chapter.indexOf('## The words'), chapter.indexOf('## Bringing it'))
  const rows = section.split('\n').filter(line => line.startsWith('| ') && line.includes('`'))
  const named = rows.flatMap(row => [...row.matchAll(/`(\w+)`/g)].map(([, word]) => word!))
  const exported = Object.entries(words).flatMap(([word, value]) => (typeof value === 'function' ? [word] : []))
  expect(named.sort()).toEqual(exported.filter(word => word !== 'conditionsOf').sort())
})
