-- Purpose: read one page of the dead-letter queue, oldest first.
-- KEYS: 1 dead, 2 graves
-- ARGV: 1 offset, 2 limit
-- Returns: for each message: time of death, lid, record
-- Errors: none of its own
local offset, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local page = redis.call('ZRANGE', KEYS[1], offset, offset + limit - 1, 'WITHSCORES')
local reply = {}
for i = 1, #page, 2 do
  local size = #reply
  reply[size + 1], reply[size + 2] = tonumber(page[i + 1]), page[i]
  reply[size + 3] = redis.call('HGET', KEYS[2], page[i])
end
return reply
