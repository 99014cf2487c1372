-- Purpose: settle messages for good.
-- KEYS: 1 reserved, 2 timers, 3 messages, 4 receipts, 5 notes
-- ARGV: the tokens
-- Returns: for each token 1 settled, 0 nothing is reserved under it
-- Errors: none of its own
local keys = { reserved = KEYS[1], timers = KEYS[2], messages = KEYS[3], receipts = KEYS[4],
  notes = KEYS[5] }
local reply = {}
for i = 1, #ARGV do
  local lid, _, marks = held(keys, ARGV[i])
  if lid then
    drop_token(keys, ARGV[i], marks)
    settle(keys, lid, marks)
  end
  reply[i] = lid and 1 or 0
end
return reply
