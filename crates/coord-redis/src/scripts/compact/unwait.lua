-- Purpose: wait no longer.
-- KEYS: 1 waiters, 2 reserved
-- ARGV: 1 token, 2 visibility in microseconds, 3 low_every, 4 channel
-- Returns: 1 if something was reserved under the token meanwhile, otherwise 0
-- Errors: none of its own
redis.call('ZREM', KEYS[1], ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. ARGV[4])
return redis.call('HEXISTS', KEYS[2], ARGV[1])
