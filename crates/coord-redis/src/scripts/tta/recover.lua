-- Purpose: take expired reservations back: applies what the client decided about those it was
--       told of, and tells it of the next ones.
-- KEYS: 1 queue, 2 prio 9, 3 prio 5, 4 prio 1, 5 reserved, 6 deadlines, 7 dlq, 8 fence,
--       9 waiters, 10 gate, 11 notes
-- ARGV: 1 how many to report at most, 2 how many may lie dead (0: any); then for each decided
--       one: token, level (0 dead), new JSON
-- Returns: {reservations taken back, dead messages dropped, then token and JSON of each expired reservation}
-- Errors: none of its own
local keys = { queue = KEYS[1], prio9 = KEYS[2], prio5 = KEYS[3], prio1 = KEYS[4],
  reserved = KEYS[5], deadlines = KEYS[6], dlq = KEYS[7], fence = KEYS[8],
  waiters = KEYS[9], gate = KEYS[10], notes = KEYS[11],
  dead_limit = tonumber(ARGV[2]), dropped = 0 }
local now = server_time()
local taken = take_back(keys, now, 3, #ARGV)
if taken > 0 then hand_over(keys, now) end
local reply = expired(keys, now, tonumber(ARGV[1]))
table.insert(reply, 1, keys.dropped)
table.insert(reply, 1, taken)
return reply
