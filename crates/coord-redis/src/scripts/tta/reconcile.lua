-- Purpose: one step of repairing what crashed peers left: gives reservations without a deadline
--       one; of messages that the client found nowhere but in the list, notes those it did not
--       know, puts back or removes those that stay lost for the grace, forgets the healthy.
-- KEYS: 1 queue, 2 prio 9, 3 prio 5, 4 prio 1, 5 reserved, 6 deadlines, 7 dlq, 8 fence,
--       9 waiters, 10 suspects, 11 gate
-- ARGV: 1 grace, 2 visibility of what gets a deadline (both microseconds), 3 number of tokens,
--       then the tokens, then for each message: JSON, level (9, 5, 1; 0 it cannot be read), where
--       the client saw its one copy in the list, or '' to count its copies
-- Returns: {put back, deadlines given, entries removed, suspects}
-- Errors: none of its own
local keys = { queue = KEYS[1], prio9 = KEYS[2], prio5 = KEYS[3], prio1 = KEYS[4],
  reserved = KEYS[5], deadlines = KEYS[6], dlq = KEYS[7], fence = KEYS[8], waiters = KEYS[9],
  suspects = KEYS[10], gate = KEYS[11] }
local grace, visibility, tokens = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = server_time()
local redriven, given, removed, suspects = 0, 0, 0, 0
-- How far back among the dead a message is looked for.
local MAX_DEAD = 10000

-- How often a message stands in the list. What others remove moves it towards the head only.
local function times_listed(json, at)
  if at == '' then return #redis.call('LPOS', keys.queue, json, 'COUNT', 0) end
  if redis.call('LINDEX', keys.queue, at) == json then return 1 end
  return redis.call('LPOS', keys.queue, json, 'MAXLEN', at + 1) and 1 or 0
end

-- How often each message is reserved; read once, if at all.
local held
local function times_reserved(json)
  if not held then
    held = {}
    for _, it in ipairs(redis.call('HVALS', keys.reserved)) do held[it] = (held[it] or 0) + 1 end
  end
  return held[json] or 0
end

local function times_scheduled(json)
  local times = 0
  for _, schedule in ipairs({ keys.prio9, keys.prio5, keys.prio1 }) do
    if redis.call('ZSCORE', schedule, json) then times = times + 1 end
  end
  return times
end

-- A message that stands nowhere else is ready again, unless it is dead already or cannot be
-- read; every other surplus copy goes.
local function repair(json, level, surplus, placed)
  if placed == 0 and not redis.call('LPOS', keys.dlq, json, 'RANK', -1, 'MAXLEN', MAX_DEAD) then
    if level == '0' then
      redis.call('RPUSH', keys.dlq, json)
    else
      redis.call('ZADD', keys['prio' .. level], now, json)
      redriven, surplus = redriven + 1, surplus - 1
    end
  end
  if surplus > 0 then removed = removed + redis.call('LREM', keys.queue, surplus, json) end
end

for i = 4, 3 + tokens do
  if redis.call('HEXISTS', keys.reserved, ARGV[i]) == 1 then
    given = given + redis.call('ZADD', keys.deadlines, 'NX', now + visibility, ARGV[i])
  end
end

for i = 4 + tokens, #ARGV, 3 do
  local json = ARGV[i]
  local listed = times_listed(json, ARGV[i + 2])
  local placed = listed > 0 and times_scheduled(json) + times_reserved(json) or 0
  local since = redis.call('ZSCORE', keys.suspects, json)
  if listed <= placed then
    if since then redis.call('ZREM', keys.suspects, json) end
  elseif since and now - since >= grace then
    redis.call('ZREM', keys.suspects, json)
    repair(json, ARGV[i + 1], listed - placed, placed)
  else
    if not since then redis.call('ZADD', keys.suspects, now, json) end
    suspects = suspects + 1
  end
end
if redriven > 0 then hand_over(keys, now) end
return { redriven, given, removed, suspects }
