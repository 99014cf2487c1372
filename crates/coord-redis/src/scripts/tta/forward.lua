-- Purpose: settle a message here and send another one there, both or neither.
-- KEYS: 1 queue, 2 reserved, 3 deadlines of the mailbox that settles; 4 queue, 5 prio 9,
--       6 prio 5, 7 prio 1, 8 dedup, 9 fence, 10 reserved, 11 deadlines, 12 waiters, 13 gate of
--       the mailbox that takes
-- ARGV: 1 token, 2 queue_size, 3 what of it is kept for the privileged, 4 always 0; then
--       level, delay, time to live, dedup window, message id, JSON
-- Returns: {} nothing is reserved under the token, otherwise as send; if there was no room, the
--       message is still reserved
-- Errors: none of its own
local to = { queue = KEYS[4], prio9 = KEYS[5], prio5 = KEYS[6], prio1 = KEYS[7],
  dedup = KEYS[8], fence = KEYS[9], reserved = KEYS[10], deadlines = KEYS[11],
  waiters = KEYS[12], gate = KEYS[13] }
local json = redis.call('HGET', KEYS[2], ARGV[1])
if not json then return {} end
local reply = take_in(to, server_time(), 2)
if reply[3] ~= 2 and reply[3] ~= 3 then
  redis.call('HDEL', KEYS[2], ARGV[1])
  redis.call('ZREM', KEYS[3], ARGV[1])
  unlist(KEYS[1], json)
end
return reply
