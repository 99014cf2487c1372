-- Purpose: take messages into a mailbox, each unless it is a duplicate or there is no room.
-- KEYS: 1 queue, 2 prio 9, 3 prio 5, 4 prio 1, 5 dedup, 6 fence, 7 reserved,
--       8 deadlines, 9 waiters
-- ARGV: 1 queue_size; then for each message: level (9, 5, 1), delay, time to live (always 0
--       here), dedup window (all microseconds, 0 for none), message id, JSON
-- Returns: {0, depth before, then for each message 0 taken, 1 duplicate, 2 no room}
-- Errors: none of its own
local keys = { queue = KEYS[1], prio9 = KEYS[2], prio5 = KEYS[3], prio1 = KEYS[4],
  dedup = KEYS[5], fence = KEYS[6], reserved = KEYS[7], deadlines = KEYS[8],
  waiters = KEYS[9] }
return take_in(keys, server_time(), tonumber(ARGV[1]), 2)
