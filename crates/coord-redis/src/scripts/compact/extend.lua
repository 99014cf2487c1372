-- Purpose: give a reserved message a new deadline, counted from now, and tell its holder what others
--       want it to know.
-- KEYS: 1 reserved, 2 timers, 3 notes
-- ARGV: 1 token, 2 visibility in microseconds
-- Returns: {deadline, 1 if it is cancelled, notes as they lie there}; {0} if nothing is reserved
--       under the token
-- Errors: none of its own
local keys = { reserved = KEYS[1], timers = KEYS[2], notes = KEYS[3] }
local deadline = server_time() + tonumber(ARGV[2])
local lid, _, marks = held(keys, ARGV[1])
if not lid then return { 0 } end
redis.call('ZADD', keys.timers, deadline, ARGV[1])
local notes = has_mark(marks, 'n') and redis.call('HGET', keys.notes, ARGV[1]) or ''
return { deadline, has_mark(marks, 'c') and 1 or 0, notes }
