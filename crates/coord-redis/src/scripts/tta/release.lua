-- Purpose: put a reserved message back to ready at once, counting no attempt.
-- KEYS: 1 prio 9, 2 prio 5, 3 prio 1, 4 reserved, 5 deadlines, 6 fence, 7 waiters, 8 gate, 9 notes,
--       10 queue
-- ARGV: 1 token, 2 level (9, 5, 1)
-- Returns: 1 done, 0 nothing is reserved under the token
-- Errors: none of its own
local keys = { prio9 = KEYS[1], prio5 = KEYS[2], prio1 = KEYS[3], reserved = KEYS[4],
  deadlines = KEYS[5], fence = KEYS[6], waiters = KEYS[7], gate = KEYS[8], notes = KEYS[9],
  queue = KEYS[10] }
local json = take(keys, ARGV[1])
if not json then return 0 end
if was_cancelled(keys, ARGV[1]) then
  unlist(keys.queue, json)
  return 1
end
local now = server_time()
redis.call('ZADD', schedule_of(keys, ARGV[2]), now, json)
serve(keys, now)
return 1
