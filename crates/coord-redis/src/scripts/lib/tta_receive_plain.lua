-- One message, where nothing fell due, nothing is to be settled, no gate stands and no level is
-- favoured, written out: lib/compact_send_plain.lua tells why. All else goes the general way below.
if #ARGV == 7 and ARGV[5] == '1' and ARGV[2] == '0' and ARGV[4] == '' then
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  if not redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', now, 'LIMIT', '0', '1')[1]
    and not redis.call('HGET', KEYS[9], 'gate') then
    local deadline = now + ARGV[1]
    for level = 2, 4 do
      if redis.call('ZCOUNT', KEYS[level], '-inf', now) > 0 then
        local json = redis.call('ZPOPMIN', KEYS[level])[1]
        local fence = redis.call('INCR', KEYS[8])
        redis.call('HSET', KEYS[5], ARGV[7], json)
        redis.call('ZADD', KEYS[6], deadline, ARGV[7])
        return { deadline, 0, 0, ARGV[7], fence, json }
      end
    end
    return { deadline, 0, 0 }
  end
end
