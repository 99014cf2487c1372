-- Purpose: take messages into a mailbox, each unless it is a duplicate or there is no room.
-- KEYS: 1 ready, 2 timers, 3 messages, 4 meta, 5 dedup
-- ARGV: 1 queue_size; then for each message: level (9, 5, 1), delay, time to live, dedup window
--       (all microseconds, 0 for none), message id, record
-- Returns: {1 if the mailbox is new, depth before, then for each message 0 taken, 1 duplicate,
--       2 no room}
-- Errors: none of its own
local READY, TIMERS, MESSAGES, META, DEDUP = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local limit = tonumber(ARGV[1])
local now = server_time()
local depth = redis.call('HLEN', MESSAGES)
local reply = { 0, depth }

-- Whether there is room for one more; expired messages make some.
local function has_room()
  if depth < limit then return true end
  local expired = redis.call('ZRANGEBYSCORE', TIMERS, '-inf', now)
  for _, member in ipairs(expired) do
    if string.sub(member, 1, 1) == 'x' and depth >= limit then
      local lid = string.sub(member, 2)
      redis.call('ZREM', READY, lid)
      redis.call('ZREM', TIMERS, 'd' .. lid, member)
      depth = depth - redis.call('HDEL', MESSAGES, lid)
    end
  end
  reply[2] = depth
  return depth < limit
end

local function is_duplicate(id)
  redis.call('ZREMRANGEBYSCORE', DEDUP, '-inf', now)
  return redis.call('ZSCORE', DEDUP, id)
end

local function take(level, delay, ttl, record)
  local seq = redis.call('HINCRBY', META, 'seq', 1)
  local lid = level .. string.format('%015.0f', seq)
  if seq == 1 then reply[1] = 1 end
  redis.call('HSET', MESSAGES, lid, record)
  depth = depth + 1
  if delay == 0 then
    redis.call('ZADD', READY, ready_score(lid, now), lid)
  else
    redis.call('ZADD', TIMERS, now + delay, 'd' .. lid)
  end
  if ttl > 0 then redis.call('ZADD', TIMERS, now + ttl, 'x' .. lid) end
end

for i = 2, #ARGV, 6 do
  local window, id = tonumber(ARGV[i + 3]), ARGV[i + 4]
  local outcome = 0
  if window > 0 and is_duplicate(id) then
    outcome = 1
  elseif not has_room() then
    outcome = 2
  else
    if window > 0 then redis.call('ZADD', DEDUP, now + window, id) end
    take(ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), ARGV[i + 5])
  end
  reply[#reply + 1] = outcome
end
return reply
