-- One plain message: nothing to wait for, to remember or to count. The common case stands here
-- written out, because a script pays for each function it defines nearly as for a command. What
-- turns out not to be plain goes the general way below, with nothing written but a fence: a full mailbox, a
-- gate, others that are ready, a waiter that is gone.
--
-- The first write is one that a server out of memory refuses: after any other it refuses none.
--
-- Its ARGV: 1 how many messages there may be, 2 level (9, 5, 1), 3 record.
if #ARGV == 3 then
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  local level, record = ARGV[2], ARGV[3]
  local depth = redis.call('HLEN', KEYS[3])
  if depth < tonumber(ARGV[1]) then
    local first = redis.call('ZRANGE', KEYS[7], '0', '0', 'WITHSCORES')
    local entry, since = first[1], first[2]
    if not entry then
      local seq = redis.call('HINCRBY', KEYS[4], 'seq', '1')
      local lid = level .. string.format('%015.0f', seq)
      redis.call('HSET', KEYS[3], lid, record)
      -- As ready_score() has it.
      local offset = level == '9' and 0 or level == '5' and 2251799813685248 or 4503599627370496
      redis.call('ZADD', KEYS[1], offset + now - 1577836800000000, lid)
      return { seq == 1 and 1 or 0, depth, 10 + seq }
    end
    local token, visibility, leased, channel = string.match(entry, '^(%S+) (%d+) %d+ (@?)(.+)$')
    if token and (leased == '' or tonumber(since) > now)
      and redis.call('EXISTS', KEYS[1]) == 0 and not redis.call('HGET', KEYS[4], 'gate') then
      local fence = redis.call('HINCRBY', KEYS[4], 'fence', '1')
      local deadline = string.format('%.0f', now + visibility)
      local text = token
      -- Larger ones are not sent along: the waiter comes for them.
      if #record <= 65536 then text = token .. ' ' .. fence .. ' ' .. deadline .. ' ' .. record end
      -- As tell() has it; on a cluster nobody can tell who listens at another node.
      if redis.pcall('PUBLISH', channel, text) ~= 0 or leased ~= '' then
        local seq = redis.call('HINCRBY', KEYS[4], 'seq', '1')
        local lid = level .. string.format('%015.0f', seq)
        redis.call('HSET', KEYS[3], lid, record)
        redis.call('HSET', KEYS[6], token, lid)
        redis.call('ZADD', KEYS[2], deadline, token)
        redis.call('ZREM', KEYS[7], entry)
        return { seq == 1 and 1 or 0, depth, 10 + seq }
      end
    end
  end
end

-- The general way knows one form: see take_in().
local ARGV = #ARGV == 3 and { ARGV[1], '0', '0', ARGV[2], '0', '0', '0', '', ARGV[3] } or ARGV
