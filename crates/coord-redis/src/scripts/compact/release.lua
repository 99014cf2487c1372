-- Purpose: put a reserved message back to ready at once, counting no attempt.
-- KEYS: 1 ready, 2 timers, 3 reserved, 4 messages, 5 meta, 6 waiters, 7 notes
-- ARGV: 1 token
-- Returns: 1 done, 0 nothing is reserved under the token
-- Errors: none of its own
local keys = { ready = KEYS[1], timers = KEYS[2], reserved = KEYS[3], messages = KEYS[4],
  meta = KEYS[5], gate = KEYS[5], waiters = KEYS[6], notes = KEYS[7] }
local lid, expiry, marks = held(keys, ARGV[1])
if not lid then return 0 end
drop_token(keys, ARGV[1], marks)
if has_mark(marks, 'c') then
  redis.call('HDEL', keys.messages, lid)
  return 1
end
local now = server_time()
put_ready(keys, lid, now, expiry)
serve(keys, now)
return 1
