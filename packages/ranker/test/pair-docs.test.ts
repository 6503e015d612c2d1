import { join } from 'node:path'
import { expect, it } from 'vitest'
import { pairFeatures } from '../src/pairs.ts'

const rows = Object.entries(pairFeatures).map(([name, { says }]) => `| \`${name}\` | ${says} |`)
const page = `# Pair features

What a customer and an item look like together, from the one list in \`packages/ranker/src/pairs.ts\`. Money only ever
stands in relation to money: multiplying every price, charge and bill by one number changes no value. Missing is NaN,
nothing is infinite. A model's manifest names those it takes, in its order.

| name | what it is |
|---|---|
${rows.join('\n')}

This page is written from the list: \`vitest run packages/ranker -u\` writes it anew.
`

it('the page of pair features is the list', () =>
  expect(page).toMatchFileSnapshot(join(import.meta.dirname, '../../../docs/pair-features.md')))
