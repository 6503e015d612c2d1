// docs/tour/adding-a-trigger.md, run as it stands: in a copy of this package, so that the triggers are really in the list.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { copyOfPackage, tourChapter } from '../../../tests/tour.ts'

const { blocksFor, programs } = tourChapter('adding-a-trigger')
const entries = blocksFor('packages/features/src/triggers.ts')
const copy = copyOfPackage('features')

beforeAll(() => copy.insert('src/triggers.ts', '} satisfies Triggers', entries.join('')))
afterAll(copy.remove)

it('the chapter adds two triggers', () => {
  const added = `
    import { triggerTable } from './src/index.ts'
    console.log(triggerTable.slice(-2).map(({ kind, on }) => kind + ' on ' + on).join())
  `
  expect(entries).toHaveLength(2)
  expect(copy.run(added)).toBe('third-contact on engagement,binding-ending on tick\n')
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
  expect(copy.run(asked)).toBe('true false,false,false\n')
})

it('its program prints what it says', () => {
  const [[program, output]] = programs as [(typeof programs)[number]]
  expect(output.kind).toBe('text')
  expect(copy.run(program)).toBe(output.text)
})
