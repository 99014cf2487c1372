-- Purpose: delete dead messages.
-- KEYS: 1 dlq
-- ARGV: their JSON
-- Returns: how many were deleted
-- Errors: none of its own
local deleted = 0
for i = 1, #ARGV do
  deleted = deleted + redis.call('LREM', KEYS[1], 1, ARGV[i])
end
return deleted
