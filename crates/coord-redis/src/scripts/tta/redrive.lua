-- Purpose: put dead messages back to ready in the form the client wrote, while there is room.
-- KEYS: 1 queue, 2 prio 9, 3 prio 5, 4 prio 1, 5 dlq
-- ARGV: 1 queue_size; then for each message: JSON as it lies dead, level (9, 5, 1), new JSON
-- Returns: how many were put back
-- Errors: none of its own
local schedules = { ['9'] = KEYS[2], ['5'] = KEYS[3], ['1'] = KEYS[4] }
local now, limit = server_time(), tonumber(ARGV[1])
local depth = redis.call('LLEN', KEYS[1])
local moved = 0
for i = 2, #ARGV, 3 do
  if depth < limit and redis.call('LREM', KEYS[5], 1, ARGV[i]) == 1 then
    if redis.call('ZADD', schedules[ARGV[i + 1]], 'NX', now, ARGV[i + 2]) == 1 then
      redis.call('RPUSH', KEYS[1], ARGV[i + 2])
      depth = depth + 1
    end
    moved = moved + 1
  end
end
return moved
