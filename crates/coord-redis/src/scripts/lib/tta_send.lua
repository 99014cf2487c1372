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
  local depth = redis.call('LLEN', keys.queue)
  local reply = { 0, depth }
  local is_one = #ARGV == first + 8
  local is_ready = false
  for i = first + 3, #ARGV, 6 do
    local window, id, json = tonumber(ARGV[i + 3]), ARGV[i + 4], ARGV[i + 5]
    local outcome, was_handed = 0, nil
    if window > 0 and is_duplicate(keys, now, id) then
      outcome = 1
    elseif depth >= (#ARGV[i] > 1 and limit or limit - kept) then
      outcome = 2
      reply[2] = depth
    else
      -- One that is due goes past the schedule to whoever waits; several go through it, which puts
      -- them in order.
      if is_one and ARGV[i + 1] == '0' then was_handed = serve(keys, now, json) end
      local schedule = keys['prio' .. string.sub(ARGV[i], 1, 1)]
      -- The very same bytes waiting already are the same message, sent twice.
      if not was_handed and redis.call('ZADD', schedule, 'NX', now + ARGV[i + 1], json) == 0 then
        outcome = 1
      else
        redis.call('RPUSH', keys.queue, json)
        if window > 0 then redis.call('ZADD', keys.dedup, now + window, id) end
        depth = depth + 1
        is_ready = is_ready or was_handed == false or (not is_one and ARGV[i + 1] == '0')
      end
    end
    reply[#reply + 1] = outcome
  end
  if is_ready then serve(keys, now) end
  return reply
end
