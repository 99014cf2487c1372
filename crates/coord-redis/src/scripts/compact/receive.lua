-- Purpose: reserve the next messages that are due, after settling one and working off what fell
--       due.
-- KEYS: 1 ready, 2 timers, 3 messages, 4 meta, 5 reserved, 6 dead, 7 graves, 8 receipts, 9 notes
-- ARGV: 1 visibility in microseconds, 2 every how many reservations the lowest level goes first
--       (0 never), 3 retry_attempts, 4 whether an expired reservation counts (0, 1), 5 how many
--       timers to work off at most, 6 a token to settle first, or nothing, 7 how many may
--       lie dead (0: any); then one token for each message that is wanted
-- Returns: {deadline, 1 if one was settled, dead messages dropped, then for each message: token,
--       fence, record}
-- Errors: none of its own
local keys = { ready = KEYS[1], timers = KEYS[2], messages = KEYS[3], meta = KEYS[4], gate = KEYS[4],
  reserved = KEYS[5], dead = KEYS[6], graves = KEYS[7],
  receipts = KEYS[8], notes = KEYS[9],
  dead_limit = tonumber(ARGV[7]), dropped = 0 }
local low_every = tonumber(ARGV[2])
local now = server_time()
local deadline = now + tonumber(ARGV[1])
local reply = { deadline, 0, 0 }

if ARGV[6] ~= '' then
  local lid, _, marks = held(keys, ARGV[6])
  if lid then
    drop_token(keys, ARGV[6], marks)
    settle(keys, lid, marks, now)
    reply[2] = 1
  end
end
work_off(keys, now, tonumber(ARGV[5]), ARGV[4] == '1', tonumber(ARGV[3]))
reply[3] = keys.dropped

local allowed, _, rate = allowance(keys, now, #ARGV - 7)
for i = 8, 7 + allowed do
  local lid, record, expiry, marks = next_live(keys, now, lowest_is_next(keys, low_every))
  if not lid then break end
  local size = #reply
  reply[size + 1] = ARGV[i]
  reply[size + 2] = reserve(keys, ARGV[i], lid, expiry, marks, deadline)
  reply[size + 3] = record
end
count_passed(keys, rate, (#reply - 3) / 3)
return reply
