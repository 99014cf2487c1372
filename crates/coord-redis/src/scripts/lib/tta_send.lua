-- Taking messages into a mailbox, and handing them to those who wait.

-- Gives a message to whoever waits, past the schedule: a touched schedule wakes every process.
-- Whether it did; what is due already goes first.
local function give_at_once(keys, now, waiter, json)
  if not waiter or is_anything_due(keys, now) then return false end
  give(keys, now, waiter, json)
  return true
end

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
  local waiter = next_waiter(keys)
  -- Several go through the schedule, which puts them in order.
  local alone = #ARGV == first + 5
  for i = first, #ARGV, 6 do
    local window, id, json = tonumber(ARGV[i + 3]), ARGV[i + 4], ARGV[i + 5]
    local outcome = 0
    if window > 0 and is_duplicate(keys, now, id) then
      outcome = 1
    elseif depth >= limit then
      outcome = 2
      reply[2] = depth
    elseif alone and ARGV[i + 1] == '0' and give_at_once(keys, now, waiter, json) then
      redis.call('RPUSH', keys.queue, json)
      if window > 0 then redis.call('ZADD', keys.dedup, now + window, id) end
      depth = depth + 1
      waiter = nil
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
  if waiter then serve(keys, now) end
  return reply
end
