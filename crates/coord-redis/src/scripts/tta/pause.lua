-- Purpose: open or close the gate of a mailbox.
-- KEYS: 1 gate, 2 prio 9, 3 prio 5, 4 prio 1, 5 fence, 6 reserved, 7 deadlines, 8 waiters
-- ARGV: 1 'pause', 'resume' or 'rate'; for a rate: 2 microseconds for each message or 0 for no
--       limit, 3 burst
-- Returns: 1 if that changed whether it is paused, otherwise 0
-- Errors: none of its own
local keys = { gate = KEYS[1], prio9 = KEYS[2], prio5 = KEYS[3], prio1 = KEYS[4], fence = KEYS[5],
  reserved = KEYS[6], deadlines = KEYS[7], waiters = KEYS[8] }
local gate = redis.call('HGET', keys.gate, 'gate') or '-'
local was_paused, rate = string.sub(gate, 1, 1) == 'p', string.sub(gate, 2)
local is_paused = was_paused
if ARGV[1] == 'rate' then
  rate = ARGV[2] == '0' and '' or ':' .. ARGV[2] .. ':' .. ARGV[3]
  redis.call('HDEL', keys.gate, 'next_due')
else
  is_paused = ARGV[1] == 'pause'
end
if is_paused or rate ~= '' then
  redis.call('HSET', keys.gate, 'gate', (is_paused and 'p' or '-') .. rate)
else
  redis.call('HDEL', keys.gate, 'gate', 'next_due')
end
if not is_paused then serve(keys, server_time()) end
return is_paused ~= was_paused and 1 or 0
