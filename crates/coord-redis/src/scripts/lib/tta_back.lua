-- Bringing a reserved message back, in the form the client wrote.

-- Takes what `token` holds out of the reservations; nothing if it holds nothing.
local function take(keys, token)
  local json = redis.call('HGET', keys.reserved, token)
  if not json then return nil end
  redis.call('HDEL', keys.reserved, token)
  redis.call('ZREM', keys.deadlines, token)
  return json
end

-- How many of the oldest dead one burial drops at most.
local MAX_DROPPED = 100

-- Replaces `old` by `new`, available at `at` in the zset of its level, or dead without one. Of
-- more dead than keys.dead_limit (0 for none) the oldest go, and are counted in keys.dropped.
local function put_back(keys, old, new, schedule, at)
  unlist(keys.queue, old)
  if not schedule then
    local surplus = redis.call('RPUSH', keys.dlq, new) - keys.dead_limit
    if keys.dead_limit > 0 and surplus > 0 then
      surplus = math.min(surplus, MAX_DROPPED)
      redis.call('LTRIM', keys.dlq, surplus, -1)
      keys.dropped = keys.dropped + surplus
    end
  elseif redis.call('ZADD', schedule, 'NX', at, new) == 1 then
    redis.call('RPUSH', keys.queue, new)
  end
end

-- The zset of a level given as 9, 5 or 1; nothing for 0, the dead.
local function schedule_of(keys, level)
  return keys['prio' .. level]
end

-- Expired reservations: applies what the client decided about those it was told of. ARGV from
-- `first`: token, level (0 for dead), new JSON. What is settled or extended meanwhile stays.
-- Returns how many it took back.
local function take_back(keys, now, first, last)
  local taken = 0
  for i = first, last, 3 do
    local deadline = redis.call('ZSCORE', keys.deadlines, ARGV[i])
    if deadline and tonumber(deadline) <= now then
      local old = take(keys, ARGV[i])
      if old and was_cancelled(keys, ARGV[i]) then
        -- It does not come back.
        unlist(keys.queue, old)
        taken = taken + 1
      elseif old then
        put_back(keys, old, ARGV[i + 2], schedule_of(keys, ARGV[i + 1]), now)
        taken = taken + 1
      end
    end
  end
  return taken
end

-- Expired reservations that the client has to decide about: token, JSON, ...
local function expired(keys, now, limit)
  local tokens = redis.call('ZRANGEBYSCORE', keys.deadlines, '-inf', now, 'LIMIT', 0, limit)
  local found = {}
  for _, token in ipairs(tokens) do
    local json = redis.call('HGET', keys.reserved, token)
    if json then
      found[#found + 1] = token
      found[#found + 1] = json
    else
      redis.call('ZREM', keys.deadlines, token)
    end
  end
  return found
end
