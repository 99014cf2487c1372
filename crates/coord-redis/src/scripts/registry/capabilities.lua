-- Purpose: store what a registered agent can do.
-- KEYS: the twelve of lib/registry.lua, 13 record, 14 capabilities
-- ARGV: 1 ttl in ms, 2 the set, 3 its index entries, one a line
-- Returns: 1 stored, 0 nobody of this name is registered
-- Errors: none of its own
local key, capabilities = KEYS[FIRST_AGENT], KEYS[FIRST_AGENT + 1]
if redis.call('EXISTS', key) == 0 then return 0 end
redis.call('SADD', K.index, key)
put_capabilities(key, capabilities, ARGV[2], ARGV[3], ARGV[1])
return 1
