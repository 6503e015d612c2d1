// Reservations in Redis: each resource under a hash tag of its own, in one slot, changed by one script.
//   os:{reserve:<resource>}.ids     by id: h(eld), k(ept), r(efused) or g(iven back), then the amount
//   os:{reserve:<resource>}.ends    by id: the server's moment at which it is forgotten; a hold lapses with it
//   os:{reserve:<resource>}.totals  held, kept
import type { RedisClient, ReplicaWait } from './redis-client.ts'
import { type Script, script } from './redis-scripts.ts'
import { type Reservations, type Totals, wholeAmounts } from './reservations.ts'

export function redisReservations(client: RedisClient, prefix: string, wait: ReplicaWait): Reservations {
  const run = (use: Script, resource: string, ...words: readonly (string | number)[]): Promise<unknown> => {
    // Braces within a name would move the hash tag.
    const tag = `${prefix}:{reserve:${encodeURIComponent(resource)}}`
    return client.run(use, [`${tag}.ids`, `${tag}.ends`, `${tag}.totals`], words.map(String), wait)
  }
  return {
    async reserve(resource, limit, asks, lapseMs) {
      const granted: boolean[] = []
      let totals: Totals = { held: 0, kept: 0 }
      for (const part of parts(wholeAmounts(asks))) {
        const words = part.flatMap(ask => [ask.id, ask.amount])
        const answer = await run(reserveScript, resource, limit, lapseMs, ...words)
        const [held, kept, answers] = answer as [number, number, number[]]
        for (const each of answers) granted.push(each === 1)
        totals = { held, kept }
      }
      return { granted, totals }
    },
    async keep(resource, keeps) {
      let lapsed = 0
      for (const part of parts(wholeAmounts(keeps)))
        lapsed += (await run(
          keepScript,
          resource,
          ...part.flatMap(each => [each.id, each.amount, each.forMs]),
        )) as number
      return lapsed
    },
    async release(resource, ids, rememberMs) {
      for (const part of parts(ids)) await run(releaseScript, resource, rememberMs, ...part)
    },
    async totals(resource) {
      const [held, kept] = (await run(totalsScript, resource)) as [number, number]
      return { held, kept } satisfies Totals
    },
    remembered: resource => run(rememberedScript, resource) as Promise<number>,
  }
}

/** Of one call, so that no script keeps the server from others for long. */
const mostAtOnce = 2000

function* parts<T>(all: readonly T[]): Iterable<readonly T[]> {
  // A call for nothing still answers the totals.
  for (let from = 0; from === 0 || from < all.length; from += mostAtOnce) yield all.slice(from, from + mostAtOnce)
}

/**
 * Before each script: the server's time, and what has ended by it forgotten, at least twice as fast as a call can add.
 * KEYS: ids, ends, totals.
 */
const begin = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function add(total, amount) redis.call('HINCRBY', KEYS[3], total, string.format('%.0f', amount + 0)) end
local function put(id, entry, forMs)
  redis.call('HSET', KEYS[1], id, entry)
  redis.call('ZADD', KEYS[2], now + forMs, id)
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 1000 + 2 * #ARGV)) do
  local entry = redis.call('HGET', KEYS[1], id)
  if string.sub(entry, 1, 1) == 'h' then add('held', -tonumber(string.sub(entry, 2))) end
  redis.call('HDEL', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
end
local function total(name) return tonumber(redis.call('HGET', KEYS[3], name) or '0') end
`

/** ARGV: limit, lapse, then id and amount of each ask. Answers held, kept, and 1 or 0 for each. */
const reserveScript = script(`${begin}
local limit, lapse = tonumber(ARGV[1]), tonumber(ARGV[2])
local taken = total('held') + total('kept')
local before = taken
local granted = {}
for at = 3, #ARGV, 2 do
  local id, amount = ARGV[at], tonumber(ARGV[at + 1])
  local entry = redis.call('HGET', KEYS[1], id)
  local answer = 0
  if entry then
    local state = string.sub(entry, 1, 1)
    if state ~= 'r' then answer = 1 end
    if state == 'h' then put(id, entry, lapse) end
  elseif taken + amount <= limit then
    answer = 1
    taken = taken + amount
    put(id, 'h' .. ARGV[at + 1], lapse)
  else
    put(id, 'r' .. ARGV[at + 1], lapse)
  end
  granted[#granted + 1] = answer
end
if taken > before then add('held', taken - before) end
return { total('held'), total('kept'), granted }`)

/** ARGV: id, amount and how long it may be released, of each. Answers how many had lapsed. */
const keepScript = script(`${begin}
local lapsed = 0
for at = 1, #ARGV, 3 do
  local id, amount = ARGV[at], ARGV[at + 1]
  local entry = redis.call('HGET', KEYS[1], id)
  local state = entry and string.sub(entry, 1, 1)
  if state ~= 'k' and state ~= 'g' then
    if state == 'h' then
      amount = string.sub(entry, 2)
      add('held', -tonumber(amount))
    else
      lapsed = lapsed + 1
    end
    add('kept', tonumber(amount))
    put(id, 'k' .. amount, tonumber(ARGV[at + 2]))
  end
end
return lapsed`)

/** ARGV: how long to remember, then ids. */
const releaseScript = script(`${begin}
for at = 2, #ARGV do
  local entry = redis.call('HGET', KEYS[1], ARGV[at])
  local state = entry and string.sub(entry, 1, 1)
  if state == 'h' or state == 'k' then
    add(state == 'h' and 'held' or 'kept', -tonumber(string.sub(entry, 2)))
    put(ARGV[at], 'g' .. string.sub(entry, 2), tonumber(ARGV[1]))
  end
end
return 1`)

const totalsScript = script(`${begin}
return { total('held'), total('kept') }`)

const rememberedScript = script(`${begin}
return redis.call('HLEN', KEYS[1])`)
