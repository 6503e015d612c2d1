/** A shop's orders and its returns on one topic, as JSON. */
export const orders = {
  company: 'made-up-shop',
  sources: [
    {
      topic: 'shop-orders',
      format: 'json',
      records: [
        {
          record: 'purchase',
          when: { field: 'event', is: 'paid' },
          fields: [
            { to: 'id', from: ['orderNo', 'line'] },
            { to: 'customer', from: 'buyer.no' },
            { to: 'at', from: 'paidAt', unit: 'iso', zone: 'Europe/Berlin' },
            { to: 'item', from: 'sku' },
            { to: 'priceMinor', from: 'total', unit: 'major' },
            { to: 'currency', from: 'currency', values: { '€': 'EUR' } },
            { to: 'channel', from: 'via', values: { APP: 'app', WEB: 'web' }, otherwise: 'unknown' },
          ],
        },
        {
          record: 'usage',
          when: { field: 'event', is: ['used', 'called'] },
          fields: [
            { to: 'id', from: 'orderNo' },
            { to: 'customer', from: '$key' },
            { to: 'at', from: 't', unit: 'seconds' },
            { to: 'kind', from: 'event', values: { used: 'data', called: 'voice' } },
            { to: 'dataKb', from: 'mb', unit: 'MB' },
            { to: 'seconds', from: 'minutes', unit: 'minutes' },
            { to: 'overageMinor', from: 'extra', unit: 'major', currency: 'EUR' },
          ],
        },
      ],
    },
  ],
}

export const paid = {
  event: 'paid',
  orderNo: 71,
  line: 1,
  buyer: { no: 'anna' },
  paidAt: '2026-03-01 10:00:00',
  sku: 'socks',
  total: 12.3,
  currency: '€',
  via: 'APP',
}
