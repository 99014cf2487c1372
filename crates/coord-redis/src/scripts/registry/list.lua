-- Purpose: what is known of all agents, or of one, but for their records.
-- KEYS: the twelve of lib/registry.lua, for one agent also 13 its record, 14 its capabilities
-- ARGV: 1 draw
-- Returns: all: server time, record keys of the index, pairs of record key and what is known of
--          it, the spared
--          one: server time, whether it is in the index, what is known of it, whether it is spared,
--          its record, its capabilities
-- Errors: none of its own
local now = server_time()
announce_suspects(ARGV[1], now)
local key = KEYS[FIRST_AGENT]
if key then
  return { now, redis.call('SISMEMBER', K.index, key), redis.call('HGET', K.meta, key),
    redis.call('ZSCORE', K.spared, key), redis.call('GET', key),
    redis.call('GET', KEYS[FIRST_AGENT + 1]) }
end
return { now, redis.call('SMEMBERS', K.index), redis.call('HGETALL', K.meta),
  redis.call('ZRANGE', K.spared, 0, -1) }
