-- Purpose: work off everything that fell due in a mailbox, a bounded number at a time.
-- KEYS: 1 ready, 2 timers, 3 messages, 4 reserved, 5 dead, 6 graves, 7 meta,
--       8 waiters, 9 notes
-- ARGV: 1 retry_attempts, 2 whether an expired reservation counts (0, 1), 3 limit, 4 how many may
--       lie dead (0: any)
-- Returns: {reservations taken back, 1 if there may be more, dead messages dropped}
-- Errors: none of its own
local keys = { ready = KEYS[1], timers = KEYS[2], messages = KEYS[3], reserved = KEYS[4],
  dead = KEYS[5], graves = KEYS[6], meta = KEYS[7], gate = KEYS[7], waiters = KEYS[8],
  notes = KEYS[9], dead_limit = tonumber(ARGV[4]), dropped = 0 }
local now = server_time()
local recovered, more =
  work_off(keys, now, tonumber(ARGV[3]), ARGV[2] == '1', tonumber(ARGV[1]))
hand_over(keys, now)
return { recovered, more and 1 or 0, keys.dropped }
