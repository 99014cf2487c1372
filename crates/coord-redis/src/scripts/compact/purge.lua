-- Purpose: delete dead messages.
-- KEYS: 1 dead, 2 graves
-- ARGV: the lids
-- Returns: how many were deleted
-- Errors: none of its own
local deleted = 0
for i = 1, #ARGV do
  deleted = deleted + redis.call('ZREM', KEYS[1], ARGV[i])
  redis.call('HDEL', KEYS[2], ARGV[i])
end
return deleted
