-- Purpose: give a message back: retried with back-off, or dead.
-- KEYS: 1 ready, 2 timers, 3 messages, 4 reserved, 5 dead, 6 graves, 7 meta,
--       8 waiters, 9 notes
-- ARGV: 1 token, 2 whether the failure is permanent (0, 1), 3 last error, 4 retry_attempts,
--       5 back-off base, 6 factor, 7 maximum (microseconds), 8 how many may lie dead (0: any)
-- Returns: {0} nothing is reserved under the token, {1, attempts, delay, due} retried,
--       {2, attempts, how many older ones were dropped} dead, {3} it had expired, {4} it was
--       cancelled: gone
-- Errors: none of its own
local keys = { ready = KEYS[1], timers = KEYS[2], messages = KEYS[3], reserved = KEYS[4],
  dead = KEYS[5], graves = KEYS[6], meta = KEYS[7], gate = KEYS[7], waiters = KEYS[8],
  notes = KEYS[9], dead_limit = tonumber(ARGV[8]), dropped = 0 }
local token, base, maximum = ARGV[1], tonumber(ARGV[5]), tonumber(ARGV[7])
local now = server_time()

-- min(base * factor^(attempts - 1), maximum), in whole microseconds.
local function backoff(attempts)
  if base == 0 then return 0 end
  local grown = base * tonumber(ARGV[6]) ^ (attempts - 1)
  if grown >= maximum then return maximum end
  return math.floor(grown + 0.5)
end

local lid, expiry, marks = held(keys, token)
if not lid then return { 0 } end
local is_cancelled = has_mark(marks, 'c')
if is_cancelled or (expiry and expiry <= now) then
  drop_token(keys, token, marks)
  redis.call('HDEL', keys.messages, lid)
  return { is_cancelled and 4 or 3 }
end
local attempts, record = count_failure(keys, lid, ARGV[3])
drop_token(keys, token, marks)
if not attempts or ARGV[2] == '1' or attempts > tonumber(ARGV[4]) then
  bury(keys, now, lid, record)
  return { 2, attempts or 0, keys.dropped }
end
redis.call('HSET', keys.messages, lid, record)
local delay = backoff(attempts)
if delay == 0 then
  put_ready(keys, lid, now, expiry)
  serve(keys, now)
else
  redis.call('ZADD', keys.timers, now + delay, 'd' .. lid)
  if expiry then redis.call('ZADD', keys.timers, expiry, 'x' .. lid) end
end
return { 1, attempts, delay, now + delay }
