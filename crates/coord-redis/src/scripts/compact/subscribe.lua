-- Purpose: record which types of messages an agent wants.
-- KEYS: 1 subs
-- ARGV: the types
-- Returns: the types that were not recorded before
-- Errors: none of its own
local added = {}
for _, kind in ipairs(ARGV) do
  if redis.call('SADD', KEYS[1], kind) == 1 then added[#added + 1] = kind end
end
return added
