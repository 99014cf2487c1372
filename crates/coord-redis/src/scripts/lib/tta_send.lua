-- Taking messages into a mailbox, and handing them to those who wait.

local function is_duplicate(keys, now, id)
  redis.call('ZREMRANGEBYSCORE', keys.dedup, '-inf', now)
  return redis.call('ZSCORE', keys.dedup, id)
end

-- Takes the messages of ARGV from `first` on: capacity, what of it is kept for the privileged, the
-- sender's quota (always 0 here); then for each: level (with a '+' if privileged), delay, time to
-- live (always 0 here), dedup window, message id, JSON. Returns {0, depth before, then for each message 0 taken,
-- 1 duplicate, 2 no room}.
local function take_in(keys, now, first)
  local limit, kept = tonumber(ARGV[first]), tonumber(ARGV[first + 1])
  first = first + 3
  local depth = redis.call('LLEN', keys.queue)
  local reply = { 0, depth }
  -- One that is due goes past the schedule to whoever waits, for a touched schedule wakes every
  -- process; several go through it, which puts them in order.
  local is_one = #ARGV == first + 5
  local waiter = is_one and ARGV[first + 1] == '0' and next_waiter(keys, now)
  local allowed, _, rate
  if waiter then allowed, _, rate = allowance(keys, now, 1) end
  local is_ready = false
  for i = first, #ARGV, 6 do
    local window, id, json = tonumber(ARGV[i + 3]), ARGV[i + 4], ARGV[i + 5]
    local outcome = 0
    if window > 0 and is_duplicate(keys, now, id) then
      outcome = 1
    elseif depth >= (#ARGV[i] > 1 and limit or limit - kept) then
      outcome = 2
      reply[2] = depth
    elseif waiter and allowed > 0 and not is_anything_due(keys, now) then
      give(keys, now, waiter, json)
      count_passed(keys, rate, 1)
      redis.call('RPUSH', keys.queue, json)
      if window > 0 then redis.call('ZADD', keys.dedup, now + window, id) end
      depth = depth + 1
    -- The very same bytes waiting already are the same message, sent twice.
    elseif redis.call('ZADD', keys['prio' .. string.sub(ARGV[i], 1, 1)], 'NX', now + ARGV[i + 1], json) == 0 then
      outcome = 1
    else
      redis.call('RPUSH', keys.queue, json)
      if window > 0 then redis.call('ZADD', keys.dedup, now + window, id) end
      depth = depth + 1
      is_ready = waiter or is_ready or (not is_one and ARGV[i + 1] == '0')
    end
    reply[#reply + 1] = outcome
  end
  if is_ready then serve(keys, now) end
  return reply
end
