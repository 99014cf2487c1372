-- Purpose: count a mailbox at one moment.
-- KEYS: 1 ready, 2 timers, 3 messages, 4 reserved, 5 dead
-- ARGV: none
-- Returns: {now, ready HIGH, NORMAL, LOW, delayed, reserved, dead, depth, oldest ready or 0}
-- Errors: none of its own
local now = server_time()
local ready = { ['9'] = 0, ['5'] = 0, ['1'] = 0 }
local oldest = 0

local function note(at)
  if oldest == 0 or at < oldest then oldest = at end
end

for level, offset in pairs(LEVEL) do
  local from, to = offset - EPOCH, '(' .. string.format('%.0f', offset - EPOCH + 2251799813685248)
  ready[level] = redis.call('ZCOUNT', KEYS[1], from, to)
  local first = redis.call('ZRANGEBYSCORE', KEYS[1], from, to, 'WITHSCORES', 'LIMIT', 0, 1)
  if first[2] then note(tonumber(first[2]) - offset + EPOCH) end
end
local waiting = redis.call('ZCARD', KEYS[1])
local reserved = redis.call('HLEN', KEYS[4])
local depth = redis.call('HLEN', KEYS[3])
local delayed = depth - waiting - reserved
-- Delayed messages that fell due and were not worked off yet are ready.
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'WITHSCORES')
for i = 1, #due, 2 do
  if string.sub(due[i], 1, 1) == 'd' then
    local level = string.sub(due[i], 2, 2)
    ready[level] = ready[level] + 1
    delayed = delayed - 1
    note(tonumber(due[i + 1]))
  end
end
return { now, ready['9'], ready['5'], ready['1'], delayed, reserved,
  redis.call('ZCARD', KEYS[5]), depth, oldest }
