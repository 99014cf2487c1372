-- What every script of the registry shares. `K` names its keys, always in this order; the keys of
-- single agents (record, capabilities) follow from KEYS[13] on.
local K = {
  index = KEYS[1], meta = KEYS[2], deadlines = KEYS[3], suspects = KEYS[4], events = KEYS[5],
  log = KEYS[6], spared = KEYS[7], graves = KEYS[8], capabilities = KEYS[9], names = KEYS[10],
  members = KEYS[11], known = KEYS[12],
}
-- What record keys start with: the index is `...:agents:index`.
local PREFIX = string.sub(KEYS[1], 1, -6)
local FIRST_AGENT, MAX_EVENTS, MEMORY_US = 13, 10000, 86400 * 1000000

local function whole(number)
  return string.format('%.0f', number)
end

-- What is known of a registration: `incarnation ttl_us interval_us beat_us mark status`, where the
-- mark is a (alive), s (suspect was announced), d (draining) or x (gone).
local function read_meta(key)
  local packed = redis.call('HGET', K.meta, key)
  if not packed then return nil end
  local inc, ttl, interval, beat, mark, status =
    string.match(packed, '^(%d+) (%d+) (%d+) (%d+) (%a) (.*)$')
  if not inc then return nil end
  return { inc = tonumber(inc), ttl = tonumber(ttl), interval = tonumber(interval),
    beat = tonumber(beat), mark = mark, status = status }
end

local function write_meta(key, meta)
  redis.call('HSET', K.meta, key, table.concat({ whole(meta.inc), whole(meta.ttl),
    whole(meta.interval), whole(meta.beat), meta.mark, meta.status }, ' '))
end

-- Writes an event. `draw` is a random text: it names the log if this is its first event.
local function emit(draw, now, kind, agent, inc, state, status)
  redis.call('HSETNX', K.log, 'epoch', draw)
  local seq = redis.call('HINCRBY', K.log, 'seq', 1)
  redis.call('XADD', K.events, 'MAXLEN', MAX_EVENTS, whole(seq) .. '-1', 'kind', kind, 'agent', agent,
    'incarnation', whole(inc), 'state', state, 'status', string.match(status, '^[^:]*') or '',
    'at', whole(now))
end

-- A number higher than every one before it, also after all data was lost.
local function next_incarnation(now)
  local last = tonumber(redis.call('HGET', K.log, 'incarnation') or '0')
  local inc = math.max(last + 1, math.floor(now / 1000))
  redis.call('HSET', K.log, 'incarnation', whole(inc))
  return inc
end

local function drop_capabilities(key, capabilities)
  local members = redis.call('HGET', K.members, key)
  if members then
    for member in string.gmatch(members, '[^\n]+') do redis.call('ZREM', K.names, member) end
    redis.call('HDEL', K.members, key)
    redis.call('SREM', K.known, capabilities)
  end
  redis.call('DEL', capabilities)
  redis.call('SREM', K.capabilities, capabilities)
end

-- Stores a set; `members` are its entries in the index by name and kind, one a line.
local function put_capabilities(key, capabilities, json, members, ttl_ms)
  drop_capabilities(key, capabilities)
  redis.call('SET', capabilities, json, 'PX', ttl_ms)
  redis.call('SADD', K.capabilities, capabilities)
  redis.call('SADD', K.known, capabilities)
  redis.call('HSET', K.members, key, members)
  for member in string.gmatch(members, '[^\n]+') do redis.call('ZADD', K.names, 0, member) end
end

-- Takes an agent out of everything; `meta` stays as its gravestone, if there is one.
local function remove(now, key, capabilities, meta)
  redis.call('DEL', key)
  redis.call('SREM', K.index, key)
  drop_capabilities(key, capabilities)
  redis.call('ZREM', K.deadlines, key)
  redis.call('ZREM', K.suspects, key)
  redis.call('ZREM', K.spared, key)
  if meta then
    meta.mark = 'x'
    write_meta(key, meta)
    redis.call('ZADD', K.graves, now, key)
  end
  for _, old in ipairs(redis.call('ZRANGEBYSCORE', K.graves, '-inf', now - MEMORY_US,
    'LIMIT', 0, 100)) do
    redis.call('HDEL', K.meta, old)
    redis.call('ZREM', K.graves, old)
  end
end

-- Writes the record with the time of the beat and the incarnation put in, and everything by which
-- the agent is found and followed.
local function put_record(now, key, head, tail, inc, ttl_ms, interval, mark, status)
  local seconds = string.format('%.0f.%06.0f', math.floor(now / 1000000), now % 1000000)
  seconds = string.gsub(seconds, '0+$', '')
  if string.sub(seconds, -1) == '.' then seconds = seconds .. '0' end
  redis.call('SET', key, head .. seconds .. tail .. whole(inc) .. '}', 'PX', ttl_ms)
  redis.call('SADD', K.index, key)
  local ttl = tonumber(ttl_ms) * 1000
  write_meta(key, { inc = inc, ttl = ttl, interval = interval, beat = now, mark = mark,
    status = status })
  redis.call('ZADD', K.deadlines, now + ttl, key)
  redis.call('ZADD', K.suspects, now + math.min(2 * interval, ttl), key)
end

-- Announces those whose beats are missing, at most a thousand at once.
local function announce_suspects(draw, now)
  local late = redis.call('ZRANGEBYSCORE', K.suspects, '-inf', now, 'LIMIT', 0, 1000)
  for _, key in ipairs(late) do
    redis.call('ZREM', K.suspects, key)
    local meta = read_meta(key)
    if meta and meta.mark ~= 'x' and meta.mark ~= 's' then
      meta.mark = meta.mark == 'd' and 'd' or 's'
      write_meta(key, meta)
      emit(draw, now, 'status_changed', string.sub(key, #PREFIX + 1), meta.inc, 'suspect',
        meta.status)
    end
  end
end
