-- Purpose: tell whether and with which filters an agent wants messages of a type.
-- KEYS: 1 subs, 2 holders
-- ARGV: 1 the type
-- Returns: the filters, any of which is enough; empty if it does not want the type
-- Errors: none of its own
local keys = { subs = KEYS[1], holders = KEYS[2] }
local wanted = living(keys, server_time())
if redis.call('SISMEMBER', keys.subs, ARGV[1]) == 0 then return {} end
return wanted[ARGV[1]] or { '' }
