-- Who holds the subscriptions of an agent.
--
-- subs      set    the types that are recorded, as the original has them
-- holders   zset   '<handle> <types> <filter>' -> end of its lease, or FOREVER with the handle '-':
--                  recorded for good, by whomever. A recorded type that nobody here holds was
--                  recorded for good by another writer, without a filter.

local FOREVER = 9007199254740992

-- Drops whose lease is over, and the types that went with them. Returns the filters of those who
-- want a type, by type, and how many hold something.
local function living(keys, now)
  local all = redis.call('ZRANGE', keys.holders, 0, -1, 'WITHSCORES')
  local wanted, gone, count = {}, {}, 0
  for i = 1, #all, 2 do
    local types, filter = string.match(all[i], '^%S+ (%S+) (.*)$')
    local is_alive = tonumber(all[i + 1]) > now
    if is_alive then count = count + 1 else redis.call('ZREM', keys.holders, all[i]) end
    for kind in string.gmatch(types or '', '[^,]+') do
      if is_alive then
        wanted[kind] = wanted[kind] or {}
        table.insert(wanted[kind], filter)
      else
        gone[kind] = true
      end
    end
  end
  for kind in pairs(gone) do
    if not wanted[kind] then redis.call('SREM', keys.subs, kind) end
  end
  return wanted, count
end
