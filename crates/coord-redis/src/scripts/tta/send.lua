-- Purpose: take messages into a mailbox, each unless it is a duplicate or there is no room.
-- KEYS: 1 queue, 2 prio 9, 3 prio 5, 4 prio 1, 5 dedup, 6 fence, 7 reserved,
--       8 deadlines, 9 waiters, 10 gate
-- ARGV: 1 queue_size, 2 what of it is kept for the privileged, 3 the sender's quota or 0 (always 0); then
--       for each message: level (9, 5, 1; with a '+' if privileged), delay, time to live (0), dedup
--       window (all microseconds, 0 for none), message id, JSON
-- Returns: {0, depth before, then for each message 0 taken, 1 duplicate,
--       2 no room}
-- Errors: none of its own
local keys = { queue = KEYS[1], prio9 = KEYS[2], prio5 = KEYS[3], prio1 = KEYS[4],
  dedup = KEYS[5], fence = KEYS[6], reserved = KEYS[7], deadlines = KEYS[8],
  waiters = KEYS[9], gate = KEYS[10] }
return take_in(keys, server_time(), 1)
