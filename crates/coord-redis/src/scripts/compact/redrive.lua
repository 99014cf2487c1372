-- Purpose: put dead messages back to ready with their attempts reset, while there is room.
-- KEYS: 1 dead, 2 graves, 3 ready, 4 messages
-- ARGV: 1 queue_size; then the lids
-- Returns: how many were put back
-- Errors: none of its own
local now, limit = server_time(), tonumber(ARGV[1])
local depth = redis.call('HLEN', KEYS[4])
local moved = 0
for i = 2, #ARGV do
  local lid = ARGV[i]
  local record = depth < limit and redis.call('HGET', KEYS[2], lid)
  if record then
    local _, stop, level = string.find(record, '^%d+:(%d):[01]:')
    redis.call('HSET', KEYS[4], lid, '0:' .. level .. ':0:' .. string.sub(record, stop + 1))
    redis.call('ZADD', KEYS[3], ready_score(lid, now), lid)
    redis.call('ZREM', KEYS[1], lid)
    redis.call('HDEL', KEYS[2], lid)
    depth = depth + 1
    moved = moved + 1
  end
end
return moved
