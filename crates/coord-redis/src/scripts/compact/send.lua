-- Purpose: take messages into a mailbox, each unless it is a duplicate or there is no room.
-- KEYS: 1 ready, 2 timers, 3 messages, 4 meta, 5 dedup, 6 reserved,
--       7 waiters
-- ARGV: 1 queue_size; then for each message: level (9, 5, 1), delay, time to live, dedup window
--       (all microseconds, 0 for none), message id, record
-- Returns: {1 if the mailbox is new, depth before, then for each message 0 taken, 1 duplicate,
--       2 no room}
-- Errors: none of its own
local keys = { ready = KEYS[1], timers = KEYS[2], messages = KEYS[3], meta = KEYS[4],
  dedup = KEYS[5], reserved = KEYS[6], waiters = KEYS[7] }
return take_in(keys, server_time(), tonumber(ARGV[1]), 2)
