-- Purpose: give a reserved message a new deadline, counted from now, and tell its holder what others
--       want it to know.
-- KEYS: 1 reserved, 2 deadlines, 3 notes
-- ARGV: 1 token, 2 visibility in microseconds
-- Returns: {deadline, 1 if it is cancelled, notes as they lie there}; {0} if nothing is reserved
--       under the token
-- Errors: none of its own
local deadline = server_time() + tonumber(ARGV[2])
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return { 0 } end
-- Also repairs a reservation that a crashed peer left without a deadline.
redis.call('ZADD', KEYS[2], deadline, ARGV[1])
local notes = redis.call('HGET', KEYS[3], ARGV[1]) or '-'
return { deadline, string.sub(notes, 1, 1) == 'c' and 1 or 0, string.sub(notes, 2) }
