// Reserves units of one resource as a scorer would, and writes the id of each it keeps to standard output, before it
// keeps it. Arguments: Redis URL, resource, limit, lapse in milliseconds, name, after how many grants it dies (0: never).
import { writeSync } from 'node:fs'
import { redisStore } from '@offerstream/streaming'

const [url, resource, limit, lapse, name, diesAfter] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
]
const store = redisStore({ url })
let grants = 0
for (let round = 0; ; round++) {
  const ids = Array.from({ length: 3 }, (_, index) => `${name}/${round}/${index}`)
  const { granted } = await store.reservations.reserve(
    resource,
    Number(limit),
    ids.map(id => ({ id, amount: 1 })),
    Number(lapse),
  )
  const mine = ids.filter((_, index) => granted[index])
  if (mine.length === 0) break
  grants += mine.length
  // Nothing was published yet: what this process held must come free again.
  if (Number(diesAfter) > 0 && grants >= Number(diesAfter)) process.kill(process.pid, 'SIGKILL')
  const [sold, ...back] = mine
  writeSync(1, `${sold}\n`)
  await store.reservations.keep(resource, [{ id: sold!, amount: 1, forMs: 60_000 }])
  await store.reservations.release(resource, back, 60_000)
}
await store.close()
