-- Purpose: the different names of capabilities, a bounded number at a time.
-- KEYS: the twelve of lib/registry.lua
-- ARGV: 1 the name after which to go on (empty: from the first), 2 how many at most
-- Returns: the names, in order
-- Errors: none of its own
local names, from = {}, '[name '
if ARGV[1] ~= '' then from = '(name ' .. ARGV[1] .. ' \255' end
while #names < tonumber(ARGV[2]) do
  local entry = redis.call('ZRANGEBYLEX', K.names, from, '[name \255', 'LIMIT', 0, 1)[1]
  if not entry then break end
  local name = string.match(entry, '^name (%S+)')
  names[#names + 1] = name
  -- Past every agent that has it.
  from = '(name ' .. name .. ' \255'
end
return names
