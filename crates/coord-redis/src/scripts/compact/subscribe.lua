-- Purpose: record which types of messages an agent wants, for a holder, or renew its lease.
-- KEYS: 1 subs, 2 holders
-- ARGV: 1 handle, 2 types with commas between them, 3 filter, 4 lease in microseconds (0 for
--       good), 5 how many holders there may be
-- Returns: 1 recorded, 0 there are too many holders
-- Errors: none of its own
local keys = { subs = KEYS[1], holders = KEYS[2] }
local entry = ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. ARGV[3]
local now, lease = server_time(), tonumber(ARGV[4])
local wanted, count = living(keys, now)
-- What is recorded without a holder is another writer's, and stays when ours are gone.
local others = {}
for kind in string.gmatch(ARGV[2], '[^,]+') do
  if not wanted[kind] and redis.call('SISMEMBER', keys.subs, kind) == 1 then
    others[#others + 1] = '- ' .. kind .. ' '
  end
end
if count + #others >= tonumber(ARGV[5]) and not redis.call('ZSCORE', keys.holders, entry) then
  return 0
end
for _, other in ipairs(others) do redis.call('ZADD', keys.holders, FOREVER, other) end
redis.call('ZADD', keys.holders, lease > 0 and now + lease or FOREVER, entry)
for kind in string.gmatch(ARGV[2], '[^,]+') do redis.call('SADD', keys.subs, kind) end
return 1
