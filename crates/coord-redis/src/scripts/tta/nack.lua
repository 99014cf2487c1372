-- Purpose: give a message back in the form the client wrote: retried with back-off, or dead.
-- KEYS: 1 queue, 2 prio 9, 3 prio 5, 4 prio 1, 5 reserved, 6 deadlines, 7 dlq, 8 fence,
--       9 waiters, 10 gate, 11 notes
-- ARGV: 1 token, 2 level (9, 5, 1; 0 dead), 3 delay in microseconds, 4 new JSON,
--       5 how many may lie dead (0: any)
-- Returns: {0 nothing is reserved under the token, 1 it was cancelled and is gone, otherwise when
--       it is due; dead messages dropped}
-- Errors: none of its own
local keys = { queue = KEYS[1], prio9 = KEYS[2], prio5 = KEYS[3], prio1 = KEYS[4],
  reserved = KEYS[5], deadlines = KEYS[6], dlq = KEYS[7], fence = KEYS[8],
  waiters = KEYS[9], gate = KEYS[10], notes = KEYS[11],
  dead_limit = tonumber(ARGV[5]), dropped = 0 }
local now = server_time()
local due = now + tonumber(ARGV[3])
local old = take(keys, ARGV[1])
if not old then return { 0, 0 } end
if was_cancelled(keys, ARGV[1]) then
  unlist(keys.queue, old)
  return { 1, 0 }
end
put_back(keys, old, ARGV[4], schedule_of(keys, ARGV[2]), due)
if due == now and ARGV[2] ~= '0' then serve(keys, now) end
return { due, keys.dropped }
