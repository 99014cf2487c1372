-- Purpose: open or close the gate of a mailbox.
-- KEYS: 1 meta, 2 ready, 3 messages, 4 timers, 5 reserved, 6 waiters
-- ARGV: 1 'pause', 'resume' or 'rate'; for a rate: 2 microseconds for each message or 0 for no
--       limit, 3 burst
-- Returns: 1 if that changed whether it is paused, otherwise 0
-- Errors: none of its own
local keys = { meta = KEYS[1], gate = KEYS[1], ready = KEYS[2], messages = KEYS[3],
  timers = KEYS[4], reserved = KEYS[5], waiters = KEYS[6] }
local is_open, has_changed = set_gate(keys, ARGV[1], ARGV[2], ARGV[3])
if is_open then hand_over(keys, server_time()) end
return has_changed and 1 or 0
