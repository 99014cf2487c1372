-- Purpose: look at waiting messages in serving order: ready ones, then delayed ones.
-- KEYS: 1 ready, 2 timers, 3 messages
-- ARGV: 1 offset, 2 limit
-- Returns: for each message: 1 ready or 0 delayed, when it became or becomes ready, record
-- Errors: none of its own
local offset, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local now = server_time()
local reply = {}
local passed = 0

local function add(place, at, lid)
  passed = passed + 1
  if passed <= offset or #reply >= 3 * limit then return end
  local size = #reply
  reply[size + 1], reply[size + 2] = place, at
  reply[size + 3] = redis.call('HGET', KEYS[3], lid)
end

-- Timers by time, in slices, so that no reply grows without bound.
local function each_timer(from, to, visit)
  local at = 0
  repeat
    local slice = redis.call('ZRANGEBYSCORE', KEYS[2], from, to, 'WITHSCORES', 'LIMIT', at, 1000)
    for i = 1, #slice, 2 do visit(slice[i], tonumber(slice[i + 1])) end
    at = at + 1000
  until #slice < 2000 or #reply >= 3 * limit
end

-- What expired is gone, and delayed messages that fell due are ready: both as a receive does it.
local keys = { ready = KEYS[1], timers = KEYS[2], messages = KEYS[3] }
local due, over = {}, {}
each_timer('-inf', now, function(member, at)
  local kind = string.sub(member, 1, 1)
  if kind == 'd' then due[#due + 1] = { member, at } end
  if kind == 'x' then over[#over + 1] = string.sub(member, 2) end
end)
for _, lid in ipairs(over) do expire(keys, lid) end
for _, timer in ipairs(due) do
  local lid = string.sub(timer[1], 2)
  if redis.call('ZREM', keys.timers, timer[1]) == 1 then
    redis.call('ZADD', keys.ready, ready_score(lid, timer[2]), lid)
  end
end
local ready = redis.call('ZCARD', KEYS[1])
passed = math.min(offset, ready)
local page = redis.call('ZRANGE', KEYS[1], passed, passed + limit - 1, 'WITHSCORES')
for i = 1, #page, 2 do
  add(1, tonumber(page[i + 1]) - LEVEL[string.sub(page[i], 1, 1)] + EPOCH, page[i])
end
if #reply < 3 * limit then
  passed = ready
  local after = '(' .. string.format('%.0f', now)
  each_timer(after, '+inf', function(member, at)
    if string.sub(member, 1, 1) == 'd' then add(0, at, string.sub(member, 2)) end
  end)
end
return reply
