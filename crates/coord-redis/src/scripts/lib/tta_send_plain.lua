-- One plain message: nothing to wait for or to remember. As lib/compact_send_plain.lua, which
-- tells why it is written out.
--
-- Its ARGV: 1 how many messages there may be, 2 level (9, 5, 1), 3 JSON.
if #ARGV == 3 then
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  local level, json = ARGV[2], ARGV[3]
  local depth = redis.call('LLEN', KEYS[1])
  if depth < tonumber(ARGV[1]) then
    local first = redis.call('ZRANGE', KEYS[9], '0', '0', 'WITHSCORES')
    local entry, since = first[1], first[2]
    if not entry then
      local schedule = level == '9' and KEYS[2] or level == '5' and KEYS[3] or KEYS[4]
      -- The very same bytes waiting already are the same message, sent twice.
      if redis.call('ZADD', schedule, 'NX', now, json) == 0 then return { 0, depth, 1 } end
      redis.call('RPUSH', KEYS[1], json)
      return { 0, depth, 0 }
    end
    local token, visibility, leased, channel = string.match(entry, '^(%S+) (%d+) %d+ (@?)(.+)$')
    if token and (leased == '' or tonumber(since) > now)
      and redis.call('EXISTS', KEYS[2], KEYS[3], KEYS[4]) == 0
      and not redis.call('HGET', KEYS[10], 'gate') then
      local fence = redis.call('INCR', KEYS[6])
      local deadline = string.format('%.0f', now + visibility)
      local text = token
      -- Larger ones are not sent along: the waiter comes for them.
      if #json <= 65536 then text = token .. ' ' .. fence .. ' ' .. deadline .. ' ' .. json end
      if redis.pcall('PUBLISH', channel, text) ~= 0 or leased ~= '' then
        redis.call('RPUSH', KEYS[1], json)
        redis.call('HSET', KEYS[7], token, json)
        redis.call('ZADD', KEYS[8], deadline, token)
        redis.call('ZREM', KEYS[9], entry)
        return { 0, depth, 0 }
      end
    end
  end
end

-- The general way knows one form: see take_in().
local ARGV = #ARGV == 3 and { ARGV[1], '0', '0', ARGV[2], '0', '0', '0', '', ARGV[3] } or ARGV
