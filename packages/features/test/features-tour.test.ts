// docs/tour/adding-a-feature.md, run as it stands: in a copy of this package, so that the feature is really in the list.
import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { copyOfPackage, tourChapter } from '../../../tests/tour.ts'
import * as words from '../src/feature.ts'

const { text: chapter, blocksFor, programs } = tourChapter('adding-a-feature')
const copy = copyOfPackage('features')
const page = join(copy.root, 'docs/features.md')

beforeAll(() => {
  mkdirSync(join(copy.root, 'docs'))
  cpSync(join(import.meta.dirname, '../../../docs/features.md'), page)
  copy.insert('src/features.ts', '} satisfies Features', blocksFor('packages/features/src/features.ts').join(''))
})
afterAll(copy.remove)

it('has programs to run', () => expect(programs).toHaveLength(2))

it.each(programs)('program %# prints what the chapter says', (program, output) => {
  expect(output.kind).toBe('text')
  expect(copy.run(program)).toBe(output.text)
})

it('pnpm generate writes its row', () => {
  expect(readFileSync(page, 'utf8')).not.toContain('roaming_mb_30d')
  copy.node('docs/write-features.ts')
  expect(readFileSync(page, 'utf8')).toContain(blocksFor('docs/features.md')[0])
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
  expect(Number(copy.run(compared))).toBeGreaterThan(50)
})

it('the chapter names every word of a line, and no other', () => {
  const section = chapter.slice(chapter.indexOf('## The words'), chapter.indexOf('## Bringing it'))
  const rows = section.split('\n').filter(line => line.startsWith('| ') && line.includes('`'))
  const named = rows.flatMap(row => [...row.matchAll(/`(\w+)`/g)].map(([, word]) => word!))
  const exported = Object.entries(words).flatMap(([word, value]) => (typeof value === 'function' ? [word] : []))
  expect(named.sort()).toEqual(exported.filter(word => word !== 'conditionsOf').sort())
})
