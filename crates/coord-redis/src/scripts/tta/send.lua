-- Purpose: take messages into a mailbox, each unless it is a duplicate or there is no room.
-- KEYS: 1 queue, 2 prio 9, 3 prio 5, 4 prio 1, 5 dedup
-- ARGV: 1 queue_size; then for each message: level (9, 5, 1), delay, time to live (always 0
--       here), dedup window (all microseconds, 0 for none), message id, JSON
-- Returns: {0, depth before, then for each message 0 taken, 1 duplicate, 2 no room}
-- Errors: none of its own
local schedules = { ['9'] = KEYS[2], ['5'] = KEYS[3], ['1'] = KEYS[4] }
local limit = tonumber(ARGV[1])
local now = server_time()
local depth = redis.call('LLEN', KEYS[1])
local reply = { 0, depth }

local function is_duplicate(id)
  redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', now)
  return redis.call('ZSCORE', KEYS[5], id)
end

for i = 2, #ARGV, 6 do
  local window, id = tonumber(ARGV[i + 3]), ARGV[i + 4]
  local outcome = 0
  if window > 0 and is_duplicate(id) then
    outcome = 1
  elseif depth >= limit then
    outcome = 2
  -- The very same bytes waiting already are the same message, sent twice.
  elseif redis.call('ZADD', schedules[ARGV[i]], 'NX', now + ARGV[i + 1], ARGV[i + 5]) == 0 then
    outcome = 1
  else
    redis.call('RPUSH', KEYS[1], ARGV[i + 5])
    if window > 0 then redis.call('ZADD', KEYS[5], now + window, id) end
    depth = depth + 1
  end
  reply[#reply + 1] = outcome
end
return reply
