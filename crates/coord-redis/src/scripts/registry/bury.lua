-- Purpose: remove agents that look dead to somebody, each once, unless most vanished at once.
-- KEYS: the twelve of lib/registry.lua, then per agent its record and its capabilities
-- ARGV: 1 draw, 2 ttl in us, 3 interval in us, then the agents
-- Returns: per agent 0 it lives or is gone already, 1 removed, 2 spared for one more ttl
-- Errors: none of its own
local now = server_time()
local draw, ttl, interval = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local reply, dead = {}, {}
-- Who is silent: suspect or overdue, whoever registered here; and those of other programs below.
local silent = redis.call('ZCOUNT', K.deadlines, '-inf', now + ttl - math.min(2 * interval, ttl))
for i = 1, #ARGV - 3 do
  local key = KEYS[FIRST_AGENT + 2 * (i - 1)]
  reply[i] = 0
  if redis.call('EXISTS', key) == 1 then
    redis.call('ZREM', K.spared, key)
  else
    local deadline = redis.call('ZSCORE', K.deadlines, key)
    local until_us = redis.call('ZSCORE', K.spared, key)
    if until_us and tonumber(until_us) > now then
      reply[i] = 2
    elseif until_us then
      dead[#dead + 1] = { i = i, due = true }
    elseif deadline and tonumber(deadline) <= now then
      dead[#dead + 1] = { i = i }
    elseif not deadline and redis.call('SISMEMBER', K.index, key) == 1 then
      silent = silent + 1
      dead[#dead + 1] = { i = i }
    end
  end
end
local guarded = tonumber(redis.call('HGET', K.log, 'guard') or '0') > now
if #dead > 0 and silent >= 3 and silent * 2 > redis.call('SCARD', K.index) then
  guarded = true
  redis.call('HSET', K.log, 'guard', whole(now + ttl))
end
for _, one in ipairs(dead) do
  local i = one.i
  local key, capabilities = KEYS[FIRST_AGENT + 2 * (i - 1)], KEYS[FIRST_AGENT + 2 * (i - 1) + 1]
  local meta = read_meta(key)
  if guarded and not one.due then
    reply[i] = 2
    redis.call('ZADD', K.spared, now + ttl, key)
    if meta then redis.call('ZADD', K.deadlines, now + ttl, key) end
  else
    reply[i] = 1
    remove(now, key, capabilities, meta)
    emit(draw, now, 'expired', ARGV[i + 3], meta and meta.inc or 0, 'dead', meta and meta.status or '')
  end
end
return reply
