-- Purpose: open or close the gate of a mailbox.
-- KEYS: 1 meta, 2 ready, 3 messages, 4 timers, 5 reserved, 6 waiters
-- ARGV: 1 'pause', 'resume' or 'rate'; for a rate: 2 microseconds for each message or 0 for no
--       limit, 3 burst
-- Returns: 1 if that changed whether it is paused, otherwise 0
-- Errors: none of its own
local keys = { meta = KEYS[1], gate = KEYS[1], ready = KEYS[2], messages = KEYS[3],
  timers = KEYS[4], reserved = KEYS[5], waiters = KEYS[6] }
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
