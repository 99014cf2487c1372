-- Purpose: remove an agent; beats that are still on their way are refused afterwards.
-- KEYS: the twelve of lib/registry.lua, 13 record, 14 capabilities
-- ARGV: 1 draw, 2 agent, 3 incarnation (empty: whichever stands)
-- Returns: 0 and the incarnation that stands (refused), 1 (removed), or 2 (nothing there); server time
-- Errors: none of its own
local now = server_time()
local key, capabilities = KEYS[FIRST_AGENT], KEYS[FIRST_AGENT + 1]
local meta = read_meta(key)
if meta and meta.mark == 'x' then meta = nil end
if meta and ARGV[3] ~= '' and meta.inc > tonumber(ARGV[3]) then return { 0, meta.inc, now } end
if redis.call('EXISTS', key) == 0 and not redis.call('ZSCORE', K.spared, key) then
  -- Its time was over before anybody saw it.
  local listed = redis.call('SISMEMBER', K.index, key) == 1
  if meta or listed then
    remove(now, key, capabilities, meta)
    emit(ARGV[1], now, 'expired', ARGV[2], meta and meta.inc or 0, 'dead', meta and meta.status or '')
  end
  return { 2, 0, now }
end
local inc, status = 0, ''
if meta then inc, status = meta.inc, meta.status end
meta = meta or { ttl = 0, interval = 0, beat = 0, status = '-' }
meta.inc = next_incarnation(now)
remove(now, key, capabilities, meta)
emit(ARGV[1], now, 'deregistered', ARGV[2], inc, 'dead', status)
return { 1, 0, now }
