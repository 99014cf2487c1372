-- Purpose: give a reserved message a new deadline, counted from now.
-- KEYS: 1 timers
-- ARGV: 1 token, 2 visibility in microseconds
-- Returns: the deadline; 0 if nothing is reserved under the token
-- Errors: none of its own
local deadline = server_time() + tonumber(ARGV[2])
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], 'XX', deadline, ARGV[1])
return deadline
