-- Working off what fell due: delays, reservations, expiries.

-- An expired reservation: back to ready, or dead if it counts and was the last attempt.
local function take_back(keys, now, token, counts, retry_attempts)
  local lid, expiry, marks = held(keys, token)
  drop_token(keys, token, marks)
  if not lid then return end
  -- Cancelled while it was reserved: it does not come back.
  if (expiry and expiry <= now) or has_mark(marks, 'c') then
    redis.call('HDEL', keys.messages, lid)
    return
  end
  if counts then
    local attempts, record = count_failure(keys, lid, '=visibility timeout expired')
    if not attempts or attempts > retry_attempts then
      bury(keys, now, lid, record)
      return
    end
    redis.call('HSET', keys.messages, lid, record)
  end
  put_ready(keys, lid, now, expiry)
end

-- Removes a message that expired while it waited.
local function expire(keys, lid)
  redis.call('ZREM', keys.ready, lid)
  redis.call('ZREM', keys.timers, 'd' .. lid, 'x' .. lid)
  redis.call('HDEL', keys.messages, lid)
end

-- Works off at most `limit` timers. Returns how many reservations were taken back, and whether
-- there may be more to do.
local function work_off(keys, now, limit, counts, retry_attempts)
  local due = redis.call('ZRANGEBYSCORE', keys.timers, '-inf', now, 'WITHSCORES', 'LIMIT', 0, limit)
  local recovered = 0
  for i = 1, #due, 2 do
    local member = due[i]
    local kind = string.sub(member, 1, 1)
    if kind == 'r' then
      recovered = recovered + 1
      take_back(keys, now, member, counts, retry_attempts)
    elseif kind == 'x' then
      expire(keys, string.sub(member, 2))
    -- Gone already if the message expired earlier in this very sweep.
    elseif redis.call('ZREM', keys.timers, member) == 1 then
      local lid = string.sub(member, 2)
      redis.call('ZADD', keys.ready, ready_score(lid, tonumber(due[i + 1])), lid)
    end
  end
  return recovered, #due == 2 * limit
end
