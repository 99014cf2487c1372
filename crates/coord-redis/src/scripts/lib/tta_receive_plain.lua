-- One message, where nothing fell due, no gate stands and no level is favoured, after one that is
-- settled or none. The common case, written out: lib/compact_send_plain.lua tells why. All else goes
-- the general way below, with nothing changed.
if #ARGV == 7 and ARGV[5] == '1' and ARGV[2] == '0' then
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  if not redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', now, 'LIMIT', '0', '1')[1]
    and not redis.call('HGET', KEYS[9], 'gate') then
    local deadline, settled = now + ARGV[1], 0
    local done = ARGV[4] ~= '' and redis.call('HGET', KEYS[5], ARGV[4])
    if done then
      settled = 1
      redis.call('HDEL', KEYS[5], ARGV[4])
      redis.call('ZREM', KEYS[6], ARGV[4])
      -- As unlist() has it.
      local at = redis.call('LPOS', KEYS[1], done, 'MAXLEN', '64')
      if at == 0 then
        redis.call('LTRIM', KEYS[1], '1', '-1')
      else
        redis.call('LREM', KEYS[1], at and '1' or '-1', done)
      end
    end
    for level = 2, 4 do
      if redis.call('ZCOUNT', KEYS[level], '-inf', now) > 0 then
        local json = redis.call('ZPOPMIN', KEYS[level])[1]
        local fence = redis.call('INCR', KEYS[8])
        redis.call('HSET', KEYS[5], ARGV[7], json)
        redis.call('ZADD', KEYS[6], deadline, ARGV[7])
        return { deadline, settled, 0, ARGV[7], fence, json }
      end
    end
    return { deadline, settled, 0 }
  end
end
