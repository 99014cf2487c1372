-- Purpose: settle a message here and send another one there, both or neither.
-- KEYS: 1 reserved, 2 timers, 3 messages of the mailbox that settles; 4 ready, 5 timers,
--       6 messages, 7 meta, 8 dedup, 9 reserved, 10 waiters of the mailbox that takes,
--       11 receipts, 12 notes of the one that settles; 13 the quota of the sender, if it has one
-- ARGV: 1 token, 2 queue_size, 3 what of it is kept for the privileged, 4 the sender's quota or
--       0; then level, delay, time to live, dedup window, message id, record
-- Returns: {} nothing is reserved under the token, otherwise as send; if there was no room, the
--       message is still reserved
-- Errors: none of its own
local from = { reserved = KEYS[1], timers = KEYS[2], messages = KEYS[3], receipts = KEYS[11],
  notes = KEYS[12] }
local to = { ready = KEYS[4], timers = KEYS[5], messages = KEYS[6], meta = KEYS[7], gate = KEYS[7],
  dedup = KEYS[8], reserved = KEYS[9], waiters = KEYS[10], quota = KEYS[13] }
local lid, _, marks = held(from, ARGV[1])
if not lid then return {} end
local now = server_time()
local reply = take_in(to, now, 2)
if reply[3] ~= 2 and reply[3] ~= 3 then
  drop_token(from, ARGV[1], marks)
  settle(from, lid, marks, now)
end
return reply
