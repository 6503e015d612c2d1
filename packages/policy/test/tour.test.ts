// docs/tour/adding-a-rule.md, run as it stands: in a copy of this package, so that the added rule is really in the list.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { copyOfPackage, tourChapter } from '../../../tests/tour.ts'

const { blocks, blocksFor, programs } = tourChapter('adding-a-rule')
const copy = copyOfPackage('policy')

beforeAll(() => {
  for (const { kind, name, text } of blocks) if (kind === 'json') writeFileSync(join(copy.folder, name), text)
})
afterAll(copy.remove)

it('has programs to run', () => expect(programs).toHaveLength(2))

it.each(programs)('program %# prints what the chapter says', (program, output) => {
  expect(output.kind).toBe('text')
  expect(copy.run(program)).toBe(output.text)
})

it('the added rule is asked, refuses its example and allows the other', () => {
  const path = join(copy.folder, 'src/rules.ts')
  const source = readFileSync(path, 'utf8')
  const entry = blocksFor('packages/policy/src/rules.ts')[0]!
  const before = source.indexOf("  {\n    why: 'bill-shock'")
  expect(source.lastIndexOf("why: 'price-step'", before)).toBeGreaterThan(0)
  const asked = `
    import { refusalOf, rules } from './src/rules.ts'
    import { asked } from './test/sample.ts'
    const rule = rules.find(each => each.why === 'bound-by-contract')
    console.log(rule && [refusalOf(...asked(rule.allowing)), refusalOf(...asked(rule.refusing))])
  `
  expect(copy.run(asked)).toBe('undefined\n')
  writeFileSync(path, source.slice(0, before) + entry + source.slice(before))
  expect(copy.run(asked)).toBe("[ null, 'bound-by-contract' ]\n")
})
