-- Purpose: whose capabilities to read.
-- KEYS: the twelve of lib/registry.lua
-- ARGV: what index entries must start with, in any number; empty for all agents
-- Returns: the record keys of those agents, what is known of each, and the capabilities keys of
--          other programs, which no index of ours holds
-- Errors: none of its own
local found, seen = {}, {}
local function add(key)
  if not seen[key] then found[#found + 1] = key end
  seen[key] = true
end

for _, start in ipairs(ARGV) do
  if start == '' then
    for _, key in ipairs(redis.call('HKEYS', K.members)) do add(key) end
  else
    for _, entry in ipairs(redis.call('ZRANGEBYLEX', K.names, '[' .. start, '[' .. start .. '\255')) do
      add(PREFIX .. string.sub(entry, #start + 1))
    end
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
