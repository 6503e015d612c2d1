import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { featuresPage } from '../docs/page.ts'
import { featureTable } from '../src/index.ts'

it('docs/features.md is what the list says; pnpm generate writes it', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/features.md'), 'utf8')
  expect(page).toBe(featuresPage(featureTable))
})

it('a changed list is another page', () => {
  const [first, ...others] = featureTable
  expect(featuresPage([{ ...first!, window: '8 days' }, ...others])).not.toBe(featuresPage(featureTable))
})
