-- Purpose: count a mailbox at one moment.
-- KEYS: 1 queue, 2 prio 9, 3 prio 5, 4 prio 1, 5 reserved, 6 dlq, 7 gate
-- ARGV: none
-- Returns: {now, ready HIGH, NORMAL, LOW, delayed, reserved, dead, depth, oldest ready or 0,
--       1 if it is paused, microseconds for each message or 0 without a limit, burst}
-- Errors: none of its own
local now = server_time()
local gate = redis.call('HGET', KEYS[7], 'gate') or '-'
local interval, burst = string.match(gate, ':(%d+):(%d+)$')
local ready, delayed, oldest = {}, 0, 0
for i = 2, 4 do
  ready[i] = redis.call('ZCOUNT', KEYS[i], '-inf', now)
  delayed = delayed + redis.call('ZCARD', KEYS[i]) - ready[i]
  local first = redis.call('ZRANGE', KEYS[i], 0, 0, 'WITHSCORES')
  local at = tonumber(first[2])
  if at and at <= now and (oldest == 0 or at < oldest) then oldest = at end
end
return { now, ready[2], ready[3], ready[4], delayed, redis.call('HLEN', KEYS[5]),
  redis.call('LLEN', KEYS[6]), redis.call('LLEN', KEYS[1]), oldest,
  string.sub(gate, 1, 1) == 'p' and 1 or 0, tonumber(interval or 0), tonumber(burst or 0) }
