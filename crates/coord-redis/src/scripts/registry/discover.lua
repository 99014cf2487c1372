-- Purpose: whose capabilities to read.
-- KEYS: the twelve of lib/registry.lua
-- ARGV: 1 what index entries must start with (empty: all agents)
-- Returns: the record keys of those agents, what is known of each, and the capabilities keys of
--          other programs, which no index of ours holds
-- Errors: none of its own
local found = {}
if ARGV[1] == '' then
  for _, key in ipairs(redis.call('HKEYS', K.members)) do found[#found + 1] = key end
else
  local entries = redis.call('ZRANGEBYLEX', K.names, '[' .. ARGV[1], '[' .. ARGV[1] .. '\255')
  for _, entry in ipairs(entries) do
    found[#found + 1] = PREFIX .. string.sub(entry, #ARGV[1] + 1)
  end
end
local known = {}
for from = 1, #found, 1000 do
  local part = redis.call('HMGET', K.meta, unpack(found, from, math.min(from + 999, #found)))
  for _, meta in ipairs(part) do known[#known + 1] = meta or '' end
end
local foreign = {}
if redis.call('SCARD', K.capabilities) ~= redis.call('SCARD', K.known) then
  foreign = redis.call('SDIFF', K.capabilities, K.known)
end
return { found, known, foreign }
