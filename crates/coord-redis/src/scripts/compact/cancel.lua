-- Purpose: remove a message that waits; of a reserved one, tell its holder: that it is cancelled, or
--       a note.
-- KEYS: 1 ready, 2 timers, 3 messages, 4 reserved, 5 notes
-- ARGV: 1 lid, 2 'cancel' or 'note', 3 the note, 4 the most notes of one holder
-- Returns: 1 removed, 2 its holder will be told, 3 it has too many notes already, 4 it waits and
--       nobody holds it, 0 it is not there
-- Errors: none of its own
local keys = { ready = KEYS[1], timers = KEYS[2], messages = KEYS[3], reserved = KEYS[4],
  notes = KEYS[5] }
local lid, verb = ARGV[1], ARGV[2]

local function waits()
  return redis.call('ZSCORE', keys.ready, lid) or redis.call('ZSCORE', keys.timers, 'd' .. lid)
end

-- Adds a mark to what a token holds.
local function mark(token, value, letter)
  if #value == 16 then value = value .. '::' end
  local _, colons = string.gsub(value, ':', '')
  if colons == 1 then value = value .. ':' end
  local marks = string.match(value, '%a*$')
  if not string.find(marks, letter, 1, true) then
    redis.call('HSET', keys.reserved, token, value .. letter)
  end
end

if waits() then
  if verb == 'note' then return 4 end
  redis.call('ZREM', keys.ready, lid)
  redis.call('ZREM', keys.timers, 'd' .. lid, 'x' .. lid)
  redis.call('HDEL', keys.messages, lid)
  return 1
end
local held = redis.call('HGETALL', keys.reserved)
for i = 1, #held, 2 do
  local token, value = held[i], held[i + 1]
  if string.sub(value, 1, 16) == lid then
    if verb == 'cancel' then
      mark(token, value, 'c')
      return 2
    end
    local notes = redis.call('HGET', keys.notes, token) or ''
    local count, at = 0, 1
    while at <= #notes do
      local _, stop, length = string.find(notes, '^(%d+):', at)
      count, at = count + 1, stop + 1 + tonumber(length)
    end
    if count >= tonumber(ARGV[4]) then return 3 end
    mark(token, value, 'n')
    redis.call('HSET', keys.notes, token, notes .. #ARGV[3] .. ':' .. ARGV[3])
    return 2
  end
end
return 0
