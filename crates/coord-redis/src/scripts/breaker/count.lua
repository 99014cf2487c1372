-- Purpose: add what one process has counted to the metrics of the fleet.
-- KEYS: 1 fleet, 2 state, 3 metrics
-- ARGV: 1 channel, 2 name, 3 calls, 4 failed, 5 successful, 6 and 7 age of the latest failure and
--   success in microseconds (empty: none)
-- Returns: 1
-- Errors: none of its own
local function latest(field, age)
  local at = now - (tonumber(age) or now)
  local known = tonumber(redis.call('HGET', KEYS[1], field) or '') or 0
  if at > known then redis.call('HSET', KEYS[1], field, whole(at)) end
end
redis.call('HINCRBY', KEYS[1], 'total', ARGV[3])
redis.call('HINCRBY', KEYS[1], 'failed_calls', ARGV[4])
redis.call('HINCRBY', KEYS[1], 'ok_calls', ARGV[5])
latest('failed', ARGV[6])
latest('ok', ARGV[7])
-- Never shorter than the record needs: one that an operator holds has no end.
local left, has_record = redis.call('TTL', KEYS[1]), redis.call('HEXISTS', KEYS[1], 'epoch') == 1
if left < METRICS_TTL and not (has_record and left == -1) then
  redis.call('EXPIRE', KEYS[1], METRICS_TTL)
end
write_metrics()
return 1
