-- Purpose: settle a message here and send another one there, both or neither.
-- KEYS: 1 reserved, 2 timers, 3 messages of the mailbox that settles; 4 ready, 5 timers,
--       6 messages, 7 meta, 8 dedup, 9 reserved, 10 waiters of the mailbox that takes
-- ARGV: 1 token, 2 queue_size; then level, delay, time to live, dedup window, message id, record
-- Returns: {} nothing is reserved under the token, otherwise as send; if there was no room, the
--       message is still reserved
-- Errors: none of its own
local from = { reserved = KEYS[1], timers = KEYS[2], messages = KEYS[3] }
local to = { ready = KEYS[4], timers = KEYS[5], messages = KEYS[6], meta = KEYS[7],
  dedup = KEYS[8], reserved = KEYS[9], waiters = KEYS[10] }
local lid = held(from, ARGV[1])
if not lid then return {} end
local reply = take_in(to, server_time(), tonumber(ARGV[2]), 3)
if reply[3] ~= 2 then
  drop_token(from, ARGV[1])
  redis.call('HDEL', from.messages, lid)
end
return reply
