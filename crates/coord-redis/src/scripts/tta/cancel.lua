-- Purpose: remove a message that waits; of a reserved one, tell its holder: that it is cancelled, or
--       a note.
-- KEYS: 1 queue, 2 prio 9, 3 prio 5, 4 prio 1, 5 reserved, 6 notes
-- ARGV: 1 JSON, 2 the token it was found under, or nothing, 3 'cancel' or 'note', 4 the note, 5 the
--       most notes of one holder, 6 the most holders with notes
-- Returns: 1 removed, 2 its holder will be told, 3 there are too many notes already, 4 it waits and
--       nobody holds it, 0 it is not there
-- Errors: none of its own
local json, token, verb = ARGV[1], ARGV[2], ARGV[3]
if token == '' then
  for i = 2, 4 do
    if redis.call('ZSCORE', KEYS[i], json) then
      if verb == 'note' then return 4 end
      redis.call('ZREM', KEYS[i], json)
      unlist(KEYS[1], json)
      return 1
    end
  end
  return 0
end
if redis.call('HGET', KEYS[5], token) ~= json then return 0 end
-- An ack does not look at notes: what is left of settled messages goes when there are many. A
-- cancellation is never refused for that.
if redis.call('HLEN', KEYS[6]) >= tonumber(ARGV[6]) then
  for _, holder in ipairs(redis.call('HKEYS', KEYS[6])) do
    if redis.call('HEXISTS', KEYS[5], holder) == 0 then redis.call('HDEL', KEYS[6], holder) end
  end
  if verb == 'note' and redis.call('HLEN', KEYS[6]) >= tonumber(ARGV[6]) then return 3 end
end
local notes = redis.call('HGET', KEYS[6], token) or '-'
if verb == 'cancel' then
  redis.call('HSET', KEYS[6], token, 'c' .. string.sub(notes, 2))
  return 2
end
local count, at = 0, 2
while at <= #notes do
  local _, stop, length = string.find(notes, '^(%d+):', at)
  count, at = count + 1, stop + 1 + tonumber(length)
end
if count >= tonumber(ARGV[5]) then return 3 end
redis.call('HSET', KEYS[6], token, notes .. #ARGV[4] .. ':' .. ARGV[4])
return 2
