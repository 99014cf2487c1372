-- Purpose: open or close the gate of a mailbox.
-- KEYS: 1 gate, 2 prio 9, 3 prio 5, 4 prio 1, 5 fence, 6 reserved, 7 deadlines, 8 waiters
-- ARGV: 1 'pause', 'resume' or 'rate'; for a rate: 2 microseconds for each message or 0 for no
--       limit, 3 burst
-- Returns: 1 if that changed whether it is paused, otherwise 0
-- Errors: none of its own
local keys = { gate = KEYS[1], prio9 = KEYS[2], prio5 = KEYS[3], prio1 = KEYS[4], fence = KEYS[5],
  reserved = KEYS[6], deadlines = KEYS[7], waiters = KEYS[8] }
local is_open, has_changed = set_gate(keys, ARGV[1], ARGV[2], ARGV[3])
if is_open then hand_over(keys, server_time()) end
return has_changed and 1 or 0
