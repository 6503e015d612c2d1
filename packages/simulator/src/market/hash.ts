import { createHash } from 'node:crypto'
import { createMarket } from './market.ts'
import { marketPackages, packageClasses, packageShares } from './packages.ts'
import { type MarketPreset, marketPresets } from './parameters.ts'
import { marketPlans, monthlyInflation, overageMinorPerGb } from './plans.ts'
import { play } from './play.ts'
import type { PlayOptions } from './playing.ts'
import type { Table } from './table.ts'
import { marketTopics, oracleTables } from './topics.ts'
import { type UpsellPreset, upsellColumns, upsellRows } from './upsell.ts'

/** sha256 of what the world is defined by, as far as it is data: parameters, plans, packages, classes, columns. */
export function definitionHash(): string {
  const definition = {
    marketPresets,
    marketPlans,
    monthlyInflation,
    overageMinorPerGb,
    marketPackages,
    classes: Array.from({ length: packageClasses }, (_, c) => [...packageShares(c, 0, 1)]),
    marketTopics,
    oracleTables,
    upsellColumns,
  }
  return createHash('sha256').update(JSON.stringify(definition)).digest('hex')
}

/** sha256 of every byte, oracle included, of the first months of a small market: what formulas and draws come to. */
export function playHash(
  preset: MarketPreset,
  seed: number,
  customers = 300,
  options: PlayOptions = { months: 2 },
): string {
  const hash = createHash('sha256')
  for (const batch of play(createMarket({ seed, customers, preset }), options))
    for (const tables of [batch.topics, batch.oracle])
      for (const [name, { columns, rows }] of Object.entries<Table>(tables)) {
        hash.update(`${batch.month}/${name}/${rows}`)
        for (const column of Object.values(columns))
          hash.update(new Uint8Array(column.buffer, 0, rows * column.BYTES_PER_ELEMENT))
      }
  return hash.digest('hex')
}

/** Everything that must not change unnoticed once a model was fitted: `world-hash.json`. */
export function worldHashes() {
  const presets = Object.keys(marketPresets) as MarketPreset[]
  const upsell = (['A', 'B', 'C', 'null'] as const).map(preset => [preset, upsellHash(preset)] as const)
  return {
    definition: definitionHash(),
    play: Object.fromEntries(presets.map(preset => [preset, playHash(preset, 1)])),
    upsell: Object.fromEntries(upsell),
  }
}

function upsellHash(preset: UpsellPreset): string {
  const hash = createHash('sha256')
  const { rows, oracle } = upsellRows(preset, 1, 500)
  for (const { columns } of [rows, oracle] as readonly Table[])
    for (const column of Object.values(columns)) hash.update(new Uint8Array(column.buffer))
  return hash.digest('hex')
}
