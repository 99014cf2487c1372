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

-- Stores one message; returns its arrival number and lid. One that is ready at once is put among the
-- ready ones by the caller.
local function store(keys, now, level, delay, ttl, record)
  local seq = redis.call('HINCRBY', keys.meta, 'seq', 1)
  local lid = level .. string.format('%015.0f', seq)
  redis.call('HSET', keys.messages, lid, record)
  if delay > 0 then redis.call('ZADD', keys.timers, now + delay, 'd' .. lid) end
  if ttl > 0 then redis.call('ZADD', keys.timers, now + ttl, 'x' .. lid) end
  return seq, lid
end

-- Whether a sender has as many unsettled messages here as it may. What was settled meanwhile is let
-- go of only when the set looks full, so that nobody who settles has to think of it.
local function is_over_quota(keys, quota)
  local count = redis.call('SCARD', keys.quota)
  if count < quota then return false end
  for _, lid in ipairs(redis.call('SMEMBERS', keys.quota)) do
    if redis.call('HEXISTS', keys.messages, lid) == 0 then
      count = count - redis.call('SREM', keys.quota, lid)
    end
  end
  return count >= quota
end

-- Takes the messages of ARGV from `first` on: capacity, what of it is kept for the privileged,
-- the sender's quota or 0; then for each: level (with a '+' if privileged), delay, time to live,
-- dedup window, message id, record. Returns {1 if the mailbox is new, depth before, then for each
-- message 10 and its arrival number, 1 duplicate, 2 no room, 3 quota reached}.
local function take_in(keys, now, first)
  local limit, kept, quota = tonumber(ARGV[first]), tonumber(ARGV[first + 1]), tonumber(ARGV[first + 2])
  local depth = redis.call('HLEN', keys.messages)
  local reply, is_ready = { 0, depth }, false
  -- One alone that does not expire goes to who waits without a stop among the ready ones.
  local is_one = #ARGV == first + 8 and ARGV[first + 5] == '0'
  for i = first + 3, #ARGV, 6 do
    local level, window, id = string.sub(ARGV[i], 1, 1), tonumber(ARGV[i + 3]), ARGV[i + 4]
    local outcome, room = 1, nil
    if window == 0 or not is_duplicate(keys, now, id) then
      room, depth = has_room(keys, now, depth, #ARGV[i] > 1 and limit or limit - kept)
      if not room then
        outcome = 2
        reply[2] = depth
      elseif quota > 0 and is_over_quota(keys, quota) then
        outcome = 3
      else
        if window > 0 then redis.call('ZADD', keys.dedup, now + window, id) end
        local seq, lid =
          store(keys, now, level, tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), ARGV[i + 5])
        if quota > 0 then redis.call('SADD', keys.quota, lid) end
        if seq == 1 then reply[1] = 1 end
        if ARGV[i + 1] == '0' then
          local marks = is_one and string.find(ARGV[i + 5], '^%d+:%d:2:') and 'r' or nil
          local fresh = is_one and { lid = lid, record = ARGV[i + 5], marks = marks } or nil
          local was_handed = is_one and serve(keys, now, fresh)
          if not was_handed then
            redis.call('ZADD', keys.ready, ready_score(lid, now), lid)
            -- Somebody may wait whom the gate or the order kept from this one.
            is_ready = is_ready or was_handed == false or not is_one
          end
        end
        depth = depth + 1
        outcome = 10 + seq
      end
    end
    reply[#reply + 1] = outcome
  end
  if is_ready then serve(keys, now) end
  return reply
end
