-- One message, where nothing fell due, no gate stands and no level is favoured, after one that is
-- settled without more ado or none. The common case, written out: lib/compact_send_plain.lua tells
-- why. All else goes the general way below, with nothing changed.
if #ARGV == 8 and ARGV[2] == '0' then
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  local done = ARGV[6]
  local settles = done ~= '' and redis.call('HGET', KEYS[5], done)
  if not (settles and #settles ~= 16)
    and not redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', '0', '1')[1]
    and not redis.call('HGET', KEYS[4], 'gate') then
    local first = redis.call('ZPOPMIN', KEYS[1])
    local lid = first[1]
    local record = lid and redis.call('HGET', KEYS[3], lid)
    if lid and not (record and string.find(record, '^%d+:%d:0:')) then
      redis.call('ZADD', KEYS[1], first[2], lid)
    else
      if settles then
        redis.call('HDEL', KEYS[5], done)
        redis.call('ZREM', KEYS[2], done)
        redis.call('HDEL', KEYS[3], settles)
      end
      local deadline = now + ARGV[1]
      if not lid then return { deadline, settles and 1 or 0, 0 } end
      local fence = redis.call('HINCRBY', KEYS[4], 'fence', '1')
      redis.call('HSET', KEYS[5], ARGV[8], lid)
      redis.call('ZADD', KEYS[2], deadline, ARGV[8])
      return { deadline, settles and 1 or 0, 0, ARGV[8], fence, record }
    end
  end
end
