-- Purpose: where a message is.
-- KEYS: 1 prio 9, 2 prio 5, 3 prio 1, 4 reserved, 5 deadlines, 6 notes
-- ARGV: 1 JSON, 2 the token it was found under, or nothing
-- Returns: {now, 1 ready | 2 due later | 3 reserved, since or until when, 0, token or nothing, 1 if
--       it is cancelled, JSON}; {now} if it is nowhere
-- Errors: none of its own
local json, token, now = ARGV[1], ARGV[2], server_time()
if token ~= '' then
  if redis.call('HGET', KEYS[4], token) ~= json then return { now } end
  local deadline = tonumber(redis.call('ZSCORE', KEYS[5], token) or 0)
  local notes = redis.call('HGET', KEYS[6], token) or '-'
  return { now, 3, deadline, 0, token, string.sub(notes, 1, 1) == 'c' and 1 or 0, json }
end
for i = 1, 3 do
  local at = tonumber(redis.call('ZSCORE', KEYS[i], json) or nil)
  if at then return { now, at <= now and 1 or 2, at, 0, '', 0, json } end
end
return { now }
