-- Purpose: put dead messages back to ready with their attempts reset, while there is room.
-- KEYS: 1 dead, 2 graves, 3 ready, 4 messages, 5 timers, 6 meta, 7 reserved, 8 waiters
-- ARGV: 1 queue_size; then the lids
-- Returns: how many were put back
-- Errors: none of its own
local keys = { dead = KEYS[1], graves = KEYS[2], ready = KEYS[3], messages = KEYS[4],
  timers = KEYS[5], meta = KEYS[6], gate = KEYS[6], reserved = KEYS[7], waiters = KEYS[8] }
local now, limit = server_time(), tonumber(ARGV[1])
local depth = redis.call('HLEN', keys.messages)
local moved = 0
for i = 2, #ARGV do
  local lid = ARGV[i]
  local record = depth < limit and redis.call('HGET', keys.graves, lid)
  if record then
    local _, stop, level, flags = string.find(record, '^%d+:(%d):([0-3]):')
    -- It expires no more, but still leaves a receipt.
    local renewed = '0:' .. level .. (flags > '1' and ':2:' or ':0:') .. string.sub(record, stop + 1)
    redis.call('HSET', keys.messages, lid, renewed)
    redis.call('ZADD', keys.ready, ready_score(lid, now), lid)
    redis.call('ZREM', keys.dead, lid)
    redis.call('HDEL', keys.graves, lid)
    depth = depth + 1
    moved = moved + 1
  end
end
hand_over(keys, now)
return moved
