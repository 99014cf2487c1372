-- Purpose: register an agent under a new incarnation.
-- KEYS: the twelve of lib/registry.lua, 13 record, 14 capabilities
-- ARGV: 1 draw, 2 ttl in ms, 3 interval in us, 4 agent, 5 draining (0, 1), 6 status, 7 head of the
--       record, 8 its tail, 9 capabilities (empty: none), 10 their index entries, one a line
-- Returns: the incarnation, that of the living registration that was taken over or 0, server time
-- Errors: none of its own
local now = server_time()
local draw, ttl_ms, interval, agent, status = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[6]
local key, capabilities = KEYS[FIRST_AGENT], KEYS[FIRST_AGENT + 1]
local before = read_meta(key)
local taken = 0
if before and before.mark ~= 'x' and redis.call('EXISTS', key) == 1 then taken = before.inc end
local inc = next_incarnation(now)
local mark, state = 'a', 'alive'
if ARGV[5] == '1' then mark, state = 'd', 'draining' end
redis.call('ZREM', K.graves, key)
redis.call('ZREM', K.spared, key)
put_record(now, key, ARGV[7], ARGV[8], inc, ttl_ms, interval, mark, status)
if ARGV[9] == '' then
  drop_capabilities(key, capabilities)
else
  put_capabilities(key, capabilities, ARGV[9], ARGV[10], ttl_ms)
end
emit(draw, now, 'registered', agent, inc, state, status)
return { inc, taken, now }
