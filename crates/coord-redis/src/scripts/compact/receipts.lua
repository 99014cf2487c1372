-- Purpose: what became of messages that leave a receipt.
-- KEYS: 1 messages, 2 dead, 3 receipts
-- ARGV: their lids
-- Returns: for each 0, 0 not settled yet, 1 and when it was settled, 2 and when it died, 3, 0 gone
--       without a receipt
-- Errors: none of its own
local reply = {}
for i, lid in ipairs(ARGV) do
  local state, at = 3, 0
  local settled, died = redis.call('ZSCORE', KEYS[3], lid), nil
  if settled then
    state, at = 1, tonumber(settled)
  elseif redis.call('HEXISTS', KEYS[1], lid) == 1 then
    state = 0
  else
    died = redis.call('ZSCORE', KEYS[2], lid)
    if died then state, at = 2, tonumber(died) end
  end
  reply[2 * i - 1], reply[2 * i] = state, at
end
return reply
