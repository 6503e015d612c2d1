// What must happen at once in Redis. Every key a script touches is declared, so that a Redis Cluster that is moving the
// slot answers TRYAGAIN rather than split a partition over two nodes.
import { createHash } from 'node:crypto'

export type Script = { readonly lua: string; readonly sha: string }

export const script = (lua: string): Script => ({ lua, sha: createHash('sha1').update(lua).digest('hex') })

/** Below the rising count of an epoch there are so many random ones, so that a count given out twice is no epoch twice. */
export const epochRange = 2 ** 20

/**
 * KEYS: meta, causes, counts, outbox. ARGV: 1 the range of random bits, 2 those of this epoch.
 * Answers epoch, watermark, causes, counts, outbox.
 */
export const openScript = script(`
local last = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
local epoch = string.format('%.0f', (math.floor(last / ARGV[1]) + 1) * ARGV[1] + ARGV[2])
redis.call('HSET', KEYS[1], 'epoch', epoch, 'save', '0')
return {
  epoch, redis.call('HGET', KEYS[1], 'watermark'),
  redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3]), redis.call('GET', KEYS[4])
}`)

/** KEYS: meta, counts. Answers epoch, watermark, counts. */
export const progressScript = script(`
return {
  redis.call('HGET', KEYS[1], 'epoch'), redis.call('HGET', KEYS[1], 'watermark'), redis.call('HGETALL', KEYS[2])
}`)

/**
 * KEYS: meta, causes, counts, due, outbox, keys, then the states to set, then those to remove.
 * ARGV: 1 guards to heed (e for epoch, w for watermark), 2 the owner's epoch, 3 its last save, 4 this save, 5 watermark
 * before, 6 after, then how many: 7 states to set, 8 words of causes, 9 of counts, 10 of due to set, 11 to remove; 12 the
 * outbox, then all of these one after the other. A watermark of none and an outbox of none are empty.
 * Answers saved, fenced or rewound. A repetition of the owner's last save writes only its number again: it is saved, and
 * a WAIT behind it waits for it.
 */
export const saveScript = script(`
local held = redis.call('HMGET', KEYS[1], 'epoch', 'save', 'watermark')
if held[1] == ARGV[2] and held[2] == ARGV[4] then
  redis.call('HSET', KEYS[1], 'save', ARGV[4])
  return 'saved'
end
if string.find(ARGV[1], 'e') then
  if tonumber(held[1] or '0') > tonumber(ARGV[2]) then return 'fenced' end
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
local function index(command, first, last)
  local keys = {}
  for i = first, last do keys[#keys + 1] = string.sub(KEYS[i], bare) end
  redis.call(command, KEYS[6], unpack(keys))
end

local states = tonumber(ARGV[7])
for first = 1, states, most / 2 do
  local last = math.min(first + most / 2 - 1, states)
  -- Most states are there already: one question instead of a name each.
  if redis.call('EXISTS', unpack(KEYS, 6 + first, 6 + last)) <= last - first then index('SADD', 6 + first, 6 + last) end
  local pairs = {}
  for i = first, last do pairs[#pairs + 1], pairs[#pairs + 2] = KEYS[6 + i], ARGV[at + i] end
  redis.call('MSET', unpack(pairs))
end
at = at + states
for first = 7 + states, #KEYS, most do
  local last = math.min(first + most - 1, #KEYS)
  redis.call('DEL', unpack(KEYS, first, last))
  index('SREM', first, last)
end
each('HSET', KEYS[2], tonumber(ARGV[8]))
each('HSET', KEYS[3], tonumber(ARGV[9]))
each('ZADD', KEYS[4], tonumber(ARGV[10]))
each('ZREM', KEYS[4], tonumber(ARGV[11]))
if ARGV[12] == '' then redis.call('DEL', KEYS[5]) else redis.call('SET', KEYS[5], ARGV[12]) end
return 'saved'`)
