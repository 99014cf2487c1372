-- Purpose: reserve the next messages that are due, after settling one. Expired reservations go
--       first: the client is told of them, and calls again with what is to become of them.
-- KEYS: 1 queue, 2 prio 9, 3 prio 5, 4 prio 1, 5 reserved, 6 deadlines, 7 dlq, 8 fence, 9 gate, 10 notes
-- ARGV: 1 visibility in microseconds, 2 every how many reservations the lowest level goes first
--       (0 never), 3 how many expired reservations to report at most, 4 a token to settle first,
--       or nothing, 5 number of tokens wanted, 6 how many may lie dead (0: any), then these
--       tokens, then for each expired reservation: token, level (0 dead), new JSON
-- Returns: {0, 1 if one was settled, dead messages dropped, then token and JSON of each expired
--       reservation} nothing was reserved, or {deadline, the same two, then for each message: token, fence, JSON}
-- Errors: none of its own
local keys = { queue = KEYS[1], prio9 = KEYS[2], prio5 = KEYS[3], prio1 = KEYS[4],
  reserved = KEYS[5], deadlines = KEYS[6], dlq = KEYS[7], fence = KEYS[8], gate = KEYS[9],
  notes = KEYS[10], dead_limit = tonumber(ARGV[6]), dropped = 0 }
local low_every, wanted = tonumber(ARGV[2]), tonumber(ARGV[5])
local now = server_time()
local deadline = now + tonumber(ARGV[1])

local settled = 0
local json = ARGV[4] ~= '' and take(keys, ARGV[4])
if json then
  unlist(keys.queue, json)
  settled = 1
end
take_back(keys, now, 7 + wanted, #ARGV)
local limit = tonumber(ARGV[3])
if limit > 0 then
  local undecided = expired(keys, now, limit)
  if #undecided > 0 then
    table.insert(undecided, 1, keys.dropped)
    table.insert(undecided, 1, settled)
    table.insert(undecided, 1, 0)
    return undecided
  end
end

local reply = { deadline, settled, keys.dropped }
local allowed, _, rate = allowance(keys, now, wanted)
for i = 7, 6 + allowed do
  local json = next_due(keys, now, lowest_is_next(keys, low_every))
  if not json then break end
  local size = #reply
  reply[size + 1] = ARGV[i]
  reply[size + 2] = reserve(keys, ARGV[i], json, deadline)
  reply[size + 3] = json
end
count_passed(keys, rate, (#reply - 3) / 3)
return reply
