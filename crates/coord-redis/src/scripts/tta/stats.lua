-- Purpose: count a mailbox at one moment.
-- KEYS: 1 queue, 2 prio 9, 3 prio 5, 4 prio 1, 5 reserved, 6 dlq
-- ARGV: none
-- Returns: {now, ready HIGH, NORMAL, LOW, delayed, reserved, dead, depth, oldest ready or 0}
-- Errors: none of its own
local now = server_time()
local ready, delayed, oldest = {}, 0, 0
for i = 2, 4 do
  ready[i] = redis.call('ZCOUNT', KEYS[i], '-inf', now)
  delayed = delayed + redis.call('ZCARD', KEYS[i]) - ready[i]
  local first = redis.call('ZRANGE', KEYS[i], 0, 0, 'WITHSCORES')
  local at = tonumber(first[2])
  if at and at <= now and (oldest == 0 or at < oldest) then oldest = at end
end
return { now, ready[2], ready[3], ready[4], delayed, redis.call('HLEN', KEYS[5]),
  redis.call('LLEN', KEYS[6]), redis.call('LLEN', KEYS[1]), oldest }
