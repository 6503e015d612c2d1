// docs/tour/adding-a-trigger.md, run as it stands: in a copy of this package, so that the triggers are really in the list.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'

const here = join(import.meta.dirname, '..')
const chapter = readFileSync(join(here, '../../docs/tour/adding-a-trigger.md'), 'utf8')
const blocks = [...chapter.matchAll(/^( *)```(\w+) ?(.*)\n([\s\S]*?)^ *```$/gm)].map(
  ([, indent, kind, name, text]) => ({ kind, name, text: text!.replaceAll(new RegExp(`^${indent}`, 'gm'), '') }),
)
const blocksFor = (name: string): string[] => blocks.filter(each => each.name === name).map(({ text }) => text)
const entries = blocksFor('packages/features/src/triggers.ts')

let copy: string
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'offerstream-tour-'))
  for (const part of ['src', 'test', 'package.json']) cpSync(join(here, part), join(copy, part), { recursive: true })
  symlinkSync(join(here, 'node_modules'), join(copy, 'node_modules'))
  const list = join(copy, 'src/triggers.ts')
  const source = readFileSync(list, 'utf8')
  const end = source.indexOf('} satisfies Triggers')
  expect(end).toBeGreaterThan(0)
  writeFileSync(list, source.slice(0, end) + entries.join('') + source.slice(end))
})
afterAll(() => rmSync(copy, { recursive: true, force: true }))

function run(program: string): string {
  writeFileSync(join(copy, 'program.ts'), program)
  const { status, stdout, stderr } = spawnSync(process.execPath, ['program.ts'], { cwd: copy, encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return stdout
}

it('the chapter adds two triggers', () => {
  const added = `
    import { triggerTable } from './src/index.ts'
    console.log(triggerTable.slice(-2).map(({ kind, on }) => kind + ' on ' + on).join())
  `
  expect(entries).toHaveLength(2)
  expect(run(added)).toBe('third-contact on engagement,binding-ending on tick\n')
})

it('its cases are what the trigger does', () => {
  const [cases] = blocksFor('packages/features/test/triggers.test.ts')
  const asked = `
    import { day, engaged, firedBy, june } from './test/trigger-events.ts'
    const cases = { ${cases} }
    const { fires, doesNot } = cases['third-contact']
    const lastFires = ([, given]) => firedBy(...given).at(-1).includes('third-contact')
    console.log(fires.map(lastFires).join(), doesNot.map(lastFires).join())
  `
  expect(run(asked)).toBe('true false,false,false\n')
})

it('its program prints what it says', () => {
  const at = blocks.findIndex(({ kind, name }) => kind === 'ts' && name === '')
  expect(blocks[at + 1]?.kind).toBe('text')
  expect(run(blocks[at]!.text)).toBe(blocks[at + 1]!.text)
})
