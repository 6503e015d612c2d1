// docs/tour/adding-a-rule.md, run as it stands: in a copy of this package, so that the added rule is really in the list.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'

const here = join(import.meta.dirname, '..')
const chapter = readFileSync(join(here, '../../docs/tour/adding-a-rule.md'), 'utf8')
const blocks = [...chapter.matchAll(/^( *)```(\w+) ?(.*)\n([\s\S]*?)^ *```$/gm)].map(
  ([, indent, kind, name, text]) => ({
    kind: kind!,
    name: name!,
    text: text!.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }),
)
const programs = blocks.flatMap(({ kind, name, text }, at) =>
  kind === 'ts' && name === '' ? [[text, blocks[at + 1]!] as const] : [],
)

let copy: string
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'offerstream-tour-'))
  for (const part of ['src', 'test', 'package.json']) cpSync(join(here, part), join(copy, part), { recursive: true })
  symlinkSync(join(here, 'node_modules'), join(copy, 'node_modules'))
  for (const { kind, name, text } of blocks) if (kind === 'json') writeFileSync(join(copy, name), text)
})
afterAll(() => rmSync(copy, { recursive: true, force: true }))

function run(program: string): string {
  writeFileSync(join(copy, 'program.ts'), program)
  const { status, stdout, stderr } = spawnSync(process.execPath, ['program.ts'], { cwd: copy, encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return stdout
}

it('has programs to run', () => expect(programs).toHaveLength(2))

it.each(programs)('program %# prints what the chapter says', (program, output) => {
  expect(output.kind).toBe('text')
  expect(run(program)).toBe(output.text)
})

it('the added rule is asked, refuses its example and allows the other', () => {
  const path = join(copy, 'src/rules.ts')
  const source = readFileSync(path, 'utf8')
  const entry = blocks.find(({ name }) => name === 'packages/policy/src/rules.ts')!.text
  const before = source.indexOf("  {\n    why: 'bill-shock'")
  expect(source.lastIndexOf("why: 'price-step'", before)).toBeGreaterThan(0)
  const asked = `
    import { refusalOf, rules } from './src/rules.ts'
    import { asked } from './test/sample.ts'
    const rule = rules.find(each => each.why === 'bound-by-contract')
    console.log(rule && [refusalOf(...asked(rule.allowing)), refusalOf(...asked(rule.refusing))])
  `
  expect(run(asked)).toBe('undefined\n')
  writeFileSync(path, source.slice(0, before) + entry + source.slice(before))
  expect(run(asked)).toBe("[ null, 'bound-by-contract' ]\n")
})
