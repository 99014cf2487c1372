-- Purpose: reserve the next messages that are due, after settling one and working off what fell
--       due.
-- KEYS: 1 ready, 2 timers, 3 messages, 4 meta, 5 reserved, 6 dead, 7 graves
-- ARGV: 1 visibility in microseconds, 2 every how many reservations the lowest level goes first
--       (0 never), 3 retry_attempts, 4 whether an expired reservation counts (0, 1), 5 how many
--       timers to work off at most, 6 a token to settle first, or nothing; then one token for
--       each message that is wanted
-- Returns: {deadline, 1 if one was settled, then for each message: token, fence, record}
-- Errors: none of its own
local keys = { ready = KEYS[1], timers = KEYS[2], messages = KEYS[3], meta = KEYS[4],
  reserved = KEYS[5], dead = KEYS[6], graves = KEYS[7] }
local low_every = tonumber(ARGV[2])
local now = server_time()
local deadline = now + tonumber(ARGV[1])
local reply = { deadline, 0 }

local settled = ARGV[6] ~= '' and held(keys, ARGV[6])
if settled then
  drop_token(keys, ARGV[6])
  redis.call('HDEL', keys.messages, settled)
  reply[2] = 1
end
work_off(keys, now, tonumber(ARGV[5]), ARGV[4] == '1', tonumber(ARGV[3]))

-- The next lid in serving order, or the head of the lowest non-empty level.
local function pop(lowest_first)
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

-- The next message that is still alive: lid, record, expiry.
local function next_live(lowest_first)
  while true do
    local lid = pop(lowest_first)
    if not lid then return nil end
    local record = redis.call('HGET', keys.messages, lid)
    if record then
      if not string.find(record, '^%d+:%d:1:') then return lid, record end
      local expiry = tonumber(redis.call('ZSCORE', keys.timers, 'x' .. lid) or nil)
      redis.call('ZREM', keys.timers, 'x' .. lid)
      if not expiry or expiry > now then return lid, record, expiry end
      redis.call('HDEL', keys.messages, lid)
    end
  end
end

local fence = low_every > 0 and tonumber(redis.call('HGET', keys.meta, 'fence') or 0)
for i = 7, #ARGV do
  local lid, record, expiry = next_live(fence and (fence + 1) % low_every == 0)
  if not lid then break end
  local token = ARGV[i]
  local number = redis.call('HINCRBY', keys.meta, 'fence', 1)
  fence = fence and number
  local value = expiry and (lid .. ':' .. string.format('%.0f', expiry)) or lid
  redis.call('HSET', keys.reserved, token, value)
  redis.call('ZADD', keys.timers, deadline, token)
  local size = #reply
  reply[size + 1], reply[size + 2], reply[size + 3] = token, number, record
end
return reply
