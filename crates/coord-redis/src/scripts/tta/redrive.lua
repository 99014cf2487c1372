-- Purpose: put dead messages back to ready in the form the client wrote, while there is room.
-- KEYS: 1 queue, 2 prio 9, 3 prio 5, 4 prio 1, 5 dlq, 6 fence, 7 reserved,
--       8 deadlines, 9 waiters, 10 gate
-- ARGV: 1 queue_size; then for each message: JSON as it lies dead, level (9, 5, 1), new JSON
-- Returns: how many were put back
-- Errors: none of its own
local keys = { queue = KEYS[1], prio9 = KEYS[2], prio5 = KEYS[3], prio1 = KEYS[4], dlq = KEYS[5],
  fence = KEYS[6], reserved = KEYS[7], deadlines = KEYS[8], waiters = KEYS[9],
  gate = KEYS[10] }
local now, limit = server_time(), tonumber(ARGV[1])
local depth = redis.call('LLEN', keys.queue)
local moved = 0
for i = 2, #ARGV, 3 do
  if depth < limit and redis.call('LREM', keys.dlq, 1, ARGV[i]) == 1 then
    if redis.call('ZADD', keys['prio' .. ARGV[i + 1]], 'NX', now, ARGV[i + 2]) == 1 then
      redis.call('RPUSH', keys.queue, ARGV[i + 2])
      depth = depth + 1
    end
    moved = moved + 1
  end
end
if moved > 0 then hand_over(keys, now) end
return moved
