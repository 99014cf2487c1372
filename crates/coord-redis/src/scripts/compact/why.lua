-- Purpose: where a message is.
-- KEYS: 1 ready, 2 timers, 3 messages, 4 reserved, 5 dead, 6 graves
-- ARGV: 1 lid
-- Returns: {now, 1 ready | 2 due later | 3 reserved | 4 dead, since or until when, expiry or 0,
--       token or nothing, 1 if it is cancelled, record}; {now} if it is nowhere
-- Errors: none of its own
local keys = { ready = KEYS[1], timers = KEYS[2], messages = KEYS[3], reserved = KEYS[4],
  dead = KEYS[5], graves = KEYS[6] }
local lid, now = ARGV[1], server_time()
local record = redis.call('HGET', keys.messages, lid)
if not record then
  local died = redis.call('ZSCORE', keys.dead, lid)
  if not died then return { now } end
  return { now, 4, tonumber(died), 0, '', 0, redis.call('HGET', keys.graves, lid) or '' }
end
local expiry = tonumber(redis.call('ZSCORE', keys.timers, 'x' .. lid) or 0)
local since = redis.call('ZSCORE', keys.ready, lid)
if since then return { now, 1, tonumber(since) - ready_score(lid, 0), expiry, '', 0, record } end
local due = redis.call('ZSCORE', keys.timers, 'd' .. lid)
if due then return { now, 2, tonumber(due), expiry, '', 0, record } end
local tokens = redis.call('HGETALL', keys.reserved)
for i = 1, #tokens, 2 do
  if string.sub(tokens[i + 1], 1, 16) == lid then
    local _, ends, marks = held(keys, tokens[i])
    local deadline = tonumber(redis.call('ZSCORE', keys.timers, tokens[i]) or 0)
    return { now, 3, deadline, ends or 0, tokens[i], has_mark(marks, 'c') and 1 or 0, record }
  end
end
return { now }
