-- One message without a mark or an expiry, written out: lib/compact_send_plain.lua tells why. All
-- else goes the general way below.
if #ARGV == 1 then
  local lid = redis.call('HGET', KEYS[1], ARGV[1])
  if not lid then return { 0 } end
  if #lid == 16 then
    redis.call('HDEL', KEYS[1], ARGV[1])
    redis.call('ZREM', KEYS[2], ARGV[1])
    redis.call('HDEL', KEYS[3], lid)
    return { 1 }
  end
end
