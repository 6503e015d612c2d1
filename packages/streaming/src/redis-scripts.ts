// What must happen at once in Redis. Every key a script touches is declared, so that a Redis Cluster that is moving the
// slot answers TRYAGAIN rather than split a partition over two nodes.
import { createHash, randomInt } from 'node:crypto'

export type Script = { readonly lua: string; readonly sha: string }

export const script = (lua: string): Script => ({ lua, sha: createHash('sha1').update(lua).digest('hex') })

/** Below the rising count of an epoch there are so many random ones, so that a count given out twice is no epoch twice. */
const epochRange = 2 ** 20

/** Lua: a rising count above random bits; the caller has meta as KEYS[1] and the two words of `epochWords` in ARGV. */
const raiseEpoch = `
local last = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
local epoch = string.format('%.0f', (math.floor(last / ARGV[1]) + 1) * ARGV[1] + ARGV[2])
redis.call('HSET', KEYS[1], 'epoch', epoch, 'save', '0')`

/** What `raiseEpoch` wants: the range of random bits, and those of this epoch. */
export const epochWords = (): [string, string] => [`${epochRange}`, `${randomInt(epochRange)}`]

/** KEYS: meta, causes, counts, outbox. ARGV: epochWords. Answers epoch, watermark, causes, counts, outbox, retired. */
export const openScript = script(`${raiseEpoch}
return {
  epoch, redis.call('HGET', KEYS[1], 'watermark'),
  redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3]), redis.call('GET', KEYS[4]),
  redis.call('HGET', KEYS[1], 'retired')
}`)

/** KEYS: meta, counts. Answers epoch, watermark, counts, retired. */
export const progressScript = script(`
return {
  redis.call('HGET', KEYS[1], 'epoch'), redis.call('HGET', KEYS[1], 'watermark'), redis.call('HGETALL', KEYS[2]),
  redis.call('HGET', KEYS[1], 'retired')
}`)

/** KEYS: meta, outbox. ARGV: epochWords, 3 the successor. Answers who retired it, watermark, outbox. */
export const retireScript = script(`
local by = redis.call('HGET', KEYS[1], 'retired')
if not by then
  by = ARGV[3]
  ${raiseEpoch}
end
redis.call('HSET', KEYS[1], 'retired', by) -- again too, so that a WAIT behind it waits for it
return { by, redis.call('HGET', KEYS[1], 'watermark'), redis.call('GET', KEYS[2]) }`)

/** KEYS: the incumbent. ARGV: before, after; none is empty. Answers 1 where it was `before`. */
export const appointScript = script(`
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1`)

/**
 * KEYS: meta, causes, counts, due, outbox, changed. ARGV: epochWords, 3 the epoch it must have, empty for any. Leaves the
 * states, to be removed page by page. Answers the epoch under which they are, nothing where it has another.
 */
export const forgetScript = script(`
if ARGV[3] ~= '' and (redis.call('HGET', KEYS[1], 'epoch') or '0') ~= ARGV[3] then return false end
${raiseEpoch}
redis.call('HDEL', KEYS[1], 'watermark', 'retired', 'watched')
redis.call('DEL', unpack(KEYS, 2))
return epoch`)

/** KEYS: meta, keys, states. ARGV: 1 the epoch it must have, then the states' keys. Answers 1 where it had. */
export const removeScript = script(`
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
redis.call('UNLINK', unpack(KEYS, 3))
redis.call('SREM', KEYS[2], unpack(ARGV, 2))
return 1`)

/** KEYS: meta, changed. ARGV: 1 the watcher. From now on saves note the keys they change. Answers epoch, save. */
export const watchScript = script(`
if not redis.call('HGET', KEYS[1], 'epoch') then return false end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'watched', ARGV[1])
return redis.call('HMGET', KEYS[1], 'epoch', 'save')`)

/** KEYS: meta, due, states. ARGV: their keys. Answers epoch and save, states, due moments, all of one moment. */
export const rowsScript = script(`
return {
  redis.call('HMGET', KEYS[1], 'epoch', 'save'), redis.call('MGET', unpack(KEYS, 3)),
  redis.call('ZMSCORE', KEYS[2], unpack(ARGV))
}`)

/**
 * KEYS: meta, changed, causes, counts, outbox, keys. ARGV: 1 the watcher. Nothing where keys changed since they were
 * read; else ends the watch and answers epoch and save, watermark, causes, counts, outbox, how many states.
 */
export const unwatchScript = script(`
if redis.call('HGET', KEYS[1], 'watched') ~= ARGV[1] then return 'lost' end
if redis.call('SCARD', KEYS[2]) > 0 then return 'changed' end
redis.call('HDEL', KEYS[1], 'watched')
return {
  redis.call('HMGET', KEYS[1], 'epoch', 'save'), redis.call('HGET', KEYS[1], 'watermark'),
  redis.call('HGETALL', KEYS[3]), redis.call('HGETALL', KEYS[4]), redis.call('GET', KEYS[5]), redis.call('SCARD', KEYS[6])
}`)

/**
 * KEYS: meta, causes, counts, due, outbox, keys, changed, then the states to set, then those to remove.
 * ARGV: 1 guards to heed (e for epoch, w for watermark), 2 the owner's epoch, 3 its last save, 4 this save, 5 watermark
 * before, 6 after, then how many: 7 states to set, 8 words of causes, 9 of counts, 10 of due to set, 11 to remove; 12 the
 * outbox, then all of these one after the other. A watermark of none and an outbox of none are empty.
 * Answers saved, fenced or rewound. A repetition of the owner's last save writes only its number again: it is saved, and
 * a WAIT behind it waits for it.
 */
export const saveScript = script(`
local held = redis.call('HMGET', KEYS[1], 'epoch', 'save', 'watermark', 'retired', 'watched')
if held[1] == ARGV[2] and held[2] == ARGV[4] then
  redis.call('HSET', KEYS[1], 'save', ARGV[4])
  return 'saved'
end
if string.find(ARGV[1], 'e') then
  if held[4] or tonumber(held[1] or '0') > tonumber(ARGV[2]) then return 'fenced' end
  if held[1] ~= ARGV[2] or held[2] ~= ARGV[3] then return 'rewound' end
end
if string.find(ARGV[1], 'w') and (held[3] or '') ~= ARGV[5] then return 'rewound' end

redis.call('HSET', KEYS[1], 'save', ARGV[4])
if ARGV[6] == '' then redis.call('HDEL', KEYS[1], 'watermark') else redis.call('HSET', KEYS[1], 'watermark', ARGV[6]) end

local at = 12
local most = 2000 -- Lua's stack holds some 8,000 words; even, so that pairs stay together
local function each(command, key, words)
  for first = at + 1, at + words, most do
    redis.call(command, key, unpack(ARGV, first, math.min(first + most - 1, at + words)))
  end
  at = at + words
end

local bare = #KEYS[6] - 3 -- where, in the name of a state, its key begins: behind 'tag:', as 'keys' stands behind 'tag.'
local function note(command, into, first, last)
  local keys = {}
  for i = first, last do keys[#keys + 1] = string.sub(KEYS[i], bare) end
  redis.call(command, into, unpack(keys))
end

local states = tonumber(ARGV[7])
for first = 1, states, most / 2 do
  local last = math.min(first + most / 2 - 1, states)
  -- Most states are there already: one question instead of a name each.
  if redis.call('EXISTS', unpack(KEYS, 7 + first, 7 + last)) <= last - first then
    note('SADD', KEYS[6], 7 + first, 7 + last)
  end
  local pairs = {}
  for i = first, last do pairs[#pairs + 1], pairs[#pairs + 2] = KEYS[7 + i], ARGV[at + i] end
  redis.call('MSET', unpack(pairs))
end
at = at + states
for first = 8 + states, #KEYS, most do
  local last = math.min(first + most - 1, #KEYS)
  redis.call('DEL', unpack(KEYS, first, last))
  note('SREM', KEYS[6], first, last)
end
if held[5] then
  for first = 8, #KEYS, most do note('SADD', KEYS[7], first, math.min(first + most - 1, #KEYS)) end
  local dues = at + tonumber(ARGV[8]) + tonumber(ARGV[9])
  for i = dues + 2, dues + tonumber(ARGV[10]), 2 do redis.call('SADD', KEYS[7], ARGV[i]) end
  for i = 1, tonumber(ARGV[11]) do redis.call('SADD', KEYS[7], ARGV[dues + tonumber(ARGV[10]) + i]) end
end
each('HSET', KEYS[2], tonumber(ARGV[8]))
each('HSET', KEYS[3], tonumber(ARGV[9]))
each('ZADD', KEYS[4], tonumber(ARGV[10]))
each('ZREM', KEYS[4], tonumber(ARGV[11]))
if ARGV[12] == '' then redis.call('DEL', KEYS[5]) else redis.call('SET', KEYS[5], ARGV[12]) end
return 'saved'`)
