-- Purpose: take messages into a mailbox, each unless it is a duplicate or there is no room.
-- KEYS: 1 ready, 2 timers, 3 messages, 4 meta, 5 dedup, 6 reserved,
--       7 waiters,
--       8 the quota of the sender, if it has one
-- ARGV: 1 queue_size, 2 what of it is kept for the privileged, 3 the sender's quota or 0; then
--       for each message: level (9, 5, 1; with a '+' if privileged), delay, time to live, dedup
--       window (all microseconds, 0 for none), message id, record
-- Returns: {1 if the mailbox is new, depth before, then for each message 10 and its arrival number, 1 duplicate,
--       2 no room, 3 quota reached}
-- Errors: none of its own
local keys = { ready = KEYS[1], timers = KEYS[2], messages = KEYS[3], meta = KEYS[4], gate = KEYS[4],
  dedup = KEYS[5], reserved = KEYS[6], waiters = KEYS[7], quota = KEYS[8] }
return take_in(keys, server_time(), 1)
