import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { simulatorPage } from '../docs/page.ts'

test('the page is as docs/write-page.ts writes it, and loads nothing', () => {
  const page = readFileSync(new URL('../../../docs/simulator.html', import.meta.url), 'utf8')
  expect(page).toBe(simulatorPage())
  expect(page).not.toMatch(/src=|href=|@import|url\(/)
})
