-- Purpose: give a reserved message a new deadline, counted from now.
-- KEYS: 1 reserved, 2 deadlines
-- ARGV: 1 token, 2 visibility in microseconds
-- Returns: the deadline; 0 if nothing is reserved under the token
-- Errors: none of its own
local deadline = server_time() + tonumber(ARGV[2])
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
-- Also repairs a reservation that a crashed peer left without a deadline.
redis.call('ZADD', KEYS[2], deadline, ARGV[1])
return deadline
