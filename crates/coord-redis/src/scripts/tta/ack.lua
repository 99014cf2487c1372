-- Purpose: settle messages for good.
-- KEYS: 1 queue, 2 reserved, 3 deadlines
-- ARGV: the tokens
-- Returns: for each token 1 settled, 0 nothing is reserved under it
-- Errors: none of its own
local reply = {}
for i = 1, #ARGV do
  local json = redis.call('HGET', KEYS[2], ARGV[i])
  if json then
    redis.call('HDEL', KEYS[2], ARGV[i])
    redis.call('ZREM', KEYS[3], ARGV[i])
    unlist(KEYS[1], json)
  end
  reply[i] = json and 1 or 0
end
return reply
