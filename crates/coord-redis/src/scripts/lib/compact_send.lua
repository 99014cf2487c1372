-- Taking messages into a mailbox, and handing them to those who wait.

-- Whether there is room for one more in a mailbox of `depth`; expired messages make some.
-- Returns the depth then, too.
local function has_room(keys, now, depth, limit)
  if depth < limit then return true, depth end
  local expired = redis.call('ZRANGEBYSCORE', keys.timers, '-inf', now)
  for _, member in ipairs(expired) do
    if string.sub(member, 1, 1) == 'x' and depth >= limit then
      local lid = string.sub(member, 2)
      redis.call('ZREM', keys.ready, lid)
      redis.call('ZREM', keys.timers, 'd' .. lid, member)
      depth = depth - redis.call('HDEL', keys.messages, lid)
    end
  end
  return depth < limit, depth
end

local function is_duplicate(keys, now, id)
  redis.call('ZREMRANGEBYSCORE', keys.dedup, '-inf', now)
  return redis.call('ZSCORE', keys.dedup, id)
end

-- Stores one message; returns its arrival number.
local function store(keys, now, level, delay, ttl, record)
  local seq = redis.call('HINCRBY', keys.meta, 'seq', 1)
  local lid = level .. string.format('%015.0f', seq)
  redis.call('HSET', keys.messages, lid, record)
  if delay == 0 then
    redis.call('ZADD', keys.ready, ready_score(lid, now), lid)
  else
    redis.call('ZADD', keys.timers, now + delay, 'd' .. lid)
  end
  if ttl > 0 then redis.call('ZADD', keys.timers, now + ttl, 'x' .. lid) end
  return seq
end

-- Takes the messages of ARGV from `first` on: level, delay, time to live, dedup window, message
-- id, record. Returns {1 if the mailbox is new, depth before, then for each message 0 taken,
-- 1 duplicate, 2 no room}.
local function take_in(keys, now, limit, first)
  local depth = redis.call('HLEN', keys.messages)
  local reply, is_ready = { 0, depth }, false
  for i = first, #ARGV, 6 do
    local window, id = tonumber(ARGV[i + 3]), ARGV[i + 4]
    local outcome, room = 0, nil
    if window > 0 and is_duplicate(keys, now, id) then
      outcome = 1
    else
      room, depth = has_room(keys, now, depth, limit)
      if room then
        if window > 0 then redis.call('ZADD', keys.dedup, now + window, id) end
        local seq =
          store(keys, now, ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), ARGV[i + 5])
        if seq == 1 then reply[1] = 1 end
        is_ready = is_ready or ARGV[i + 1] == '0'
        depth = depth + 1
      else
        outcome = 2
        reply[2] = depth
      end
    end
    reply[#reply + 1] = outcome
  end
  if is_ready then serve(keys, now) end
  return reply
end
