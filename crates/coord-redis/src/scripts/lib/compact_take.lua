-- Taking the next message out of the ready ones.

-- Whether the guard against starvation gives the next reservation to the lowest level.
local function lowest_is_next(keys, low_every)
  return low_every > 0
    and (tonumber(redis.call('HGET', keys.meta, 'fence') or 0) + 1) % low_every == 0
end

-- The next lid in serving order, or the head of the lowest non-empty level.
local function pop(keys, lowest_first)
  if lowest_first then
    local last = redis.call('ZRANGE', keys.ready, -1, -1)[1]
    if not last then return nil end
    local floor = LEVEL[string.sub(last, 1, 1)] - EPOCH
    local lid = redis.call('ZRANGEBYSCORE', keys.ready, floor, '+inf', 'LIMIT', 0, 1)[1]
    redis.call('ZREM', keys.ready, lid)
    return lid
  end
  return redis.call('ZPOPMIN', keys.ready)[1]
end

-- The next message that is still alive: lid, record, expiry, marks.
local function next_live(keys, now, lowest_first)
  while true do
    local lid = pop(keys, lowest_first)
    if not lid then return nil end
    local record = redis.call('HGET', keys.messages, lid)
    if record then
      local flags = string.match(record, '^%d+:%d:([1-3]):')
      if not flags then return lid, record end
      if flags == '2' then return lid, record, nil, 'r' end
      local expiry = tonumber(redis.call('ZSCORE', keys.timers, 'x' .. lid) or nil)
      redis.call('ZREM', keys.timers, 'x' .. lid)
      if not expiry or expiry > now then return lid, record, expiry, flags == '3' and 'r' end
      redis.call('HDEL', keys.messages, lid)
    end
  end
end

-- Reserves what was taken out; returns the fence.
local function reserve(keys, token, lid, expiry, marks, deadline)
  local fence = redis.call('HINCRBY', keys.meta, 'fence', 1)
  local value = lid
  if expiry then value = value .. ':' .. string.format('%.0f', expiry) end
  if marks then value = value .. (expiry and ':' or '::') .. marks end
  redis.call('HSET', keys.reserved, token, value)
  redis.call('ZADD', keys.timers, deadline, token)
  return fence
end
