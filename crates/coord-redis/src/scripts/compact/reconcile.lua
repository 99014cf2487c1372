-- Purpose: one step of checking that everything in a mailbox points at something: messages that
--       nothing points at are ready again, reservations without a deadline get one, what points
--       at nothing goes. The scripts leave no such thing; a hand inside Redis may.
-- KEYS: 1 ready, 2 timers, 3 messages, 4 reserved, 5 meta, 6 waiters
-- ARGV: 1 what to walk over (reserved, timers, ready, messages), 2 cursor, 3 how many at about,
--       4 visibility of what gets a deadline, in microseconds
-- Returns: {next cursor (0 at the end), put back, deadlines given, entries removed}
-- Errors: none of its own
local keys = { ready = KEYS[1], timers = KEYS[2], messages = KEYS[3], reserved = KEYS[4],
  meta = KEYS[5], gate = KEYS[5], waiters = KEYS[6] }
local now, visibility = server_time(), tonumber(ARGV[4])
local redriven, given, removed = 0, 0, 0

local function is_message(lid)
  return redis.call('HEXISTS', keys.messages, lid) == 1
end

-- Which messages are reserved; read once, if at all.
local taken
local function is_taken(lid)
  if not taken then
    taken = {}
    for _, it in ipairs(redis.call('HVALS', keys.reserved)) do taken[string.sub(it, 1, 16)] = true end
  end
  return taken[lid]
end

local visit = {
  reserved = function(token, value)
    if not is_message(string.sub(value, 1, 16)) then
      drop_token(keys, token)
      removed = removed + 1
    else
      given = given + redis.call('ZADD', keys.timers, 'NX', now + visibility, token)
    end
  end,
  timers = function(member)
    local kind, lid = string.sub(member, 1, 1), string.sub(member, 2)
    local is_reservation = kind == 'r' and redis.call('HEXISTS', keys.reserved, member) == 0
    if is_reservation or ((kind == 'd' or kind == 'x') and not is_message(lid)) then
      removed = removed + redis.call('ZREM', keys.timers, member)
    end
  end,
  ready = function(lid)
    if not is_message(lid) then removed = removed + redis.call('ZREM', keys.ready, lid) end
  end,
  messages = function(lid)
    -- What is named like no message is none.
    if not string.find(lid, '^[951]%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d$') then return end
    if redis.call('ZSCORE', keys.ready, lid) or redis.call('ZSCORE', keys.timers, 'd' .. lid)
      or is_taken(lid) then return end
    put_ready(keys, lid, now, tonumber(redis.call('ZSCORE', keys.timers, 'x' .. lid) or nil))
    redriven = redriven + 1
  end,
}

local is_hash = ARGV[1] == 'reserved' or ARGV[1] == 'messages'
local page = is_hash and redis.call('HSCAN', keys[ARGV[1]], ARGV[2], 'COUNT', ARGV[3])
  or redis.call('ZSCAN', keys[ARGV[1]], ARGV[2], 'COUNT', ARGV[3])
for i = 1, #page[2], 2 do visit[ARGV[1]](page[2][i], page[2][i + 1]) end
if redriven > 0 then hand_over(keys, now) end
return { page[1], redriven, given, removed }
