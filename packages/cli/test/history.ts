/** A made-up shop: its mapping, its past as rows, and its live messages. */
import type { Mapping } from '@offerstream/mapping'
import { readMapping } from '@offerstream/mapping'

export const now = Date.UTC(2026, 2, 1, 12)
const hour = 3_600_000

export const shopFile = {
  company: 'made-up-shop',
  sources: [
    {
      topic: 'shop-orders',
      format: 'json',
      records: [
        {
          record: 'engagement',
          when: { field: 'sku', is: 'app' },
          fields: [
            { to: 'id', from: 'order_no' },
            { to: 'customer', from: 'buyer' },
            { to: 'at', from: 'paid_at', unit: 'iso' },
            { to: 'kind', constant: 'app_opened' },
          ],
        },
        {
          record: 'purchase',
          fields: [
            { to: 'id', from: 'order_no' },
            { to: 'customer', from: 'buyer' },
            { to: 'at', from: 'paid_at', unit: 'iso', zone: 'Europe/Berlin' },
            { to: 'item', from: 'sku' },
            { to: 'priceMinor', from: 'total', unit: 'major' },
            { to: 'currency', constant: 'EUR' },
          ],
        },
      ],
    },
  ],
}

export const shopMapping: Mapping = readMapping(JSON.stringify(shopFile))

export type Order = {
  readonly order_no: string
  readonly buyer: string
  readonly paid_at: string
  readonly sku: string
  readonly total: number | string
}

/** What a few customers did, every third time opening the app, which is a trigger; `end` is when the last one was. */
export function ordersUntil(end: number, count: number, name: string, everyMs = 3 * hour): readonly Order[] {
  return Array.from({ length: count }, (_, i) => ({
    order_no: `${name}-${i}`,
    buyer: `buyer-${(i * 7) % (count > 1000 ? 499 : 23)}`,
    paid_at: new Date(end - (count - 1 - i) * everyMs).toISOString(),
    sku: ['socks', 'hat', 'app'][i % 3]!,
    total: ((i * 37) % 900) / 10 + 1,
  }))
}

export const csvOf = (orders: readonly Order[]): string =>
  [
    'order_no,buyer,paid_at,sku,total',
    ...orders.map(each => `${each.order_no},"${each.buyer}",${each.paid_at},${each.sku},${each.total}`),
    '',
  ].join('\n')

export const linesOf = (orders: readonly Order[]): string => orders.map(each => `${JSON.stringify(each)}\n`).join('')
