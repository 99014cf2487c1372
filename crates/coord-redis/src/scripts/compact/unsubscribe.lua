-- Purpose: end what a holder wants; the types that nobody else holds go.
-- KEYS: 1 subs, 2 holders
-- ARGV: 1 handle, 2 types with commas between them, 3 filter
-- Returns: the types that went
-- Errors: none of its own
local keys = { subs = KEYS[1], holders = KEYS[2] }
local went = {}
if redis.call('ZREM', keys.holders, ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. ARGV[3]) == 0 then
  return went
end
local wanted, count = living(keys, server_time())
for kind in string.gmatch(ARGV[2], '[^,]+') do
  if not wanted[kind] then
    redis.call('SREM', keys.subs, kind)
    went[#went + 1] = kind
  end
end
-- What is left for good and without a filter needs no entry while nobody else has one.
local rest = redis.call('ZRANGE', keys.holders, 0, -1)
for _, entry in ipairs(rest) do
  if string.find(entry, '^%- %S+ $') then count = count - 1 end
end
if count == 0 then
  for _, entry in ipairs(rest) do redis.call('ZREM', keys.holders, entry) end
end
return went
