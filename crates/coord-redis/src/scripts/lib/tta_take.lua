-- Taking the next message out of the schedules.

-- Whether the guard against starvation gives the next reservation to the lowest level.
local function lowest_is_next(keys, low_every)
  return low_every > 0
    and (tonumber(redis.call('GET', keys.fence) or 0) + 1) % low_every == 0
end

-- The next message that is due, from the highest level or from the lowest.
local function next_due(keys, now, lowest_first)
  local schedules = { keys.prio9, keys.prio5, keys.prio1 }
  for step = 1, 3 do
    local schedule = schedules[lowest_first and 4 - step or step]
    if redis.call('ZCOUNT', schedule, '-inf', now) > 0 then
      return redis.call('ZPOPMIN', schedule)[1]
    end
  end
end

local function is_anything_due(keys, now)
  for _, schedule in ipairs({ keys.prio9, keys.prio5, keys.prio1 }) do
    if redis.call('ZCOUNT', schedule, '-inf', now) > 0 then return true end
  end
  return false
end

-- Reserves what was taken out; returns the fence.
local function reserve(keys, token, json, deadline)
  local fence = redis.call('INCR', keys.fence)
  redis.call('HSET', keys.reserved, token, json)
  redis.call('ZADD', keys.deadlines, deadline, token)
  return fence
end
