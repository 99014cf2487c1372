-- Purpose: count a mailbox at one moment.
-- KEYS: 1 ready, 2 timers, 3 messages, 4 reserved, 5 dead, 6 meta
-- ARGV: none
-- Returns: {now, ready HIGH, NORMAL, LOW, delayed, reserved, dead, depth, oldest ready or 0,
--       1 if it is paused, microseconds for each message or 0 without a limit, burst}
-- Errors: none of its own
local now = server_time()
local gate = redis.call('HGET', KEYS[6], 'gate') or '-'
local interval, burst = string.match(gate, ':(%d+):(%d+)$')
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'WITHSCORES')

-- What expired counts nowhere, although nobody has worked it off yet.
local over, waiting, depth = {}, redis.call('ZCARD', KEYS[1]), redis.call('HLEN', KEYS[3])
local over_ready = { ['9'] = 0, ['5'] = 0, ['1'] = 0 }
for i = 1, #due, 2 do
  if string.sub(due[i], 1, 1) == 'x' then
    local lid = string.sub(due[i], 2)
    local level = string.sub(lid, 1, 1)
    over[lid] = true
    depth = depth - 1
    if redis.call('ZSCORE', KEYS[1], lid) then
      over_ready[level] = over_ready[level] + 1
      waiting = waiting - 1
    end
  end
end

local ready, oldest = {}, 0

local function note(at)
  if oldest == 0 or at < oldest then oldest = at end
end

-- The first message of a level that has not expired, and its score.
local function head(from, to)
  local at = 0
  while true do
    local first = redis.call('ZRANGEBYSCORE', KEYS[1], from, to, 'WITHSCORES', 'LIMIT', at, 1)
    if not over[first[1] or ''] then return first[2] end
    at = at + 1
  end
end

for level, offset in pairs(LEVEL) do
  local from, to = offset - EPOCH, '(' .. string.format('%.0f', offset - EPOCH + 2251799813685248)
  ready[level] = redis.call('ZCOUNT', KEYS[1], from, to) - over_ready[level]
  local score = head(from, to)
  if score then note(tonumber(score) - offset + EPOCH) end
end
local reserved = redis.call('HLEN', KEYS[4])
local delayed = depth - waiting - reserved
-- Delayed messages that fell due and were not worked off yet are ready.
for i = 1, #due, 2 do
  local lid = string.sub(due[i], 2)
  if string.sub(due[i], 1, 1) == 'd' and not over[lid] then
    local level = string.sub(lid, 1, 1)
    ready[level] = ready[level] + 1
    delayed = delayed - 1
    note(tonumber(due[i + 1]))
  end
end
return { now, ready['9'], ready['5'], ready['1'], delayed, reserved,
  redis.call('ZCARD', KEYS[5]), depth, oldest,
  string.sub(gate, 1, 1) == 'p' and 1 or 0, tonumber(interval or 0), tonumber(burst or 0) }
