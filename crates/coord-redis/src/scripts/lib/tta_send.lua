-- Taking messages into a mailbox.

local function is_duplicate(keys, now, id)
  redis.call('ZREMRANGEBYSCORE', keys.dedup, '-inf', now)
  return redis.call('ZSCORE', keys.dedup, id)
end

-- Takes the messages of ARGV from `first` on: level, delay, time to live (always 0 here), dedup
-- window, message id, JSON. Returns {0, depth before, then for each message 0 taken,
-- 1 duplicate, 2 no room}.
local function take_in(keys, now, limit, first)
  local depth = redis.call('LLEN', keys.queue)
  local reply = { 0, depth }
  for i = first, #ARGV, 6 do
    local window, id, json = tonumber(ARGV[i + 3]), ARGV[i + 4], ARGV[i + 5]
    local outcome = 0
    if window > 0 and is_duplicate(keys, now, id) then
      outcome = 1
    elseif depth >= limit then
      outcome = 2
      reply[2] = depth
    -- The very same bytes waiting already are the same message, sent twice.
    elseif redis.call('ZADD', keys['prio' .. ARGV[i]], 'NX', now + ARGV[i + 1], json) == 0 then
      outcome = 1
    else
      redis.call('RPUSH', keys.queue, json)
      if window > 0 then redis.call('ZADD', keys.dedup, now + window, id) end
      depth = depth + 1
    end
    reply[#reply + 1] = outcome
  end
  return reply
end
