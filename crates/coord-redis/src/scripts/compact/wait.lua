-- Purpose: reserve the next message, or wait for one; or come for what was reserved meanwhile.
-- KEYS: 1 ready, 2 timers, 3 messages, 4 meta, 5 reserved, 6 dead, 7 graves, 8 waiters,
--       9 notes
-- ARGV: 1 token, 2 visibility in microseconds, 3 every how many reservations the lowest level
--       goes first (0 never), 4 retry_attempts, 5 whether an expired reservation counts (0, 1),
--       6 how many timers to work off at most, 7 channel, 8 'try' not to wait if there
--       is nothing, 'join' to wait; for who waits already: 'look', or 'leave' to wait no longer;
--       9 how many may lie dead (0: any)
-- Returns: {1, deadline, fence, record, dead messages dropped} reserved now, {3, deadline, fence,
--       record} reserved before, {2, microseconds until something falls due or -1, dead messages
--       dropped} nothing yet, {4} it does not wait
-- Errors: none of its own
local keys = { ready = KEYS[1], timers = KEYS[2], messages = KEYS[3], meta = KEYS[4], gate = KEYS[4],
  reserved = KEYS[5], dead = KEYS[6], graves = KEYS[7], waiters = KEYS[8], notes = KEYS[9],
  dead_limit = tonumber(ARGV[9]), dropped = 0 }
local token = ARGV[1]
local entry = token .. ' ' .. ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. ARGV[7]
local now = server_time()
local deadline = now + tonumber(ARGV[2])
local mode = ARGV[8]

local lid, expiry, marks = held(keys, token)
if lid then
  drop_token(keys, token)
  local fence = reserve(keys, token, lid, expiry, marks, deadline)
  return { 3, deadline, fence, redis.call('HGET', keys.messages, lid) or '' }
end

local is_new = mode == 'try' or mode == 'join'
if not is_new and not redis.call('ZSCORE', keys.waiters, entry) then return { 4 } end

work_off(keys, now, tonumber(ARGV[6]), ARGV[5] == '1', tonumber(ARGV[4]))
local record
local allowed, opens, rate = allowance(keys, now, 1)
if allowed > 0 then
  lid, record, expiry, marks = next_live(keys, now, lowest_is_next(keys, tonumber(ARGV[3])))
end
if lid then
  count_passed(keys, rate, 1)
  redis.call('ZREM', keys.waiters, entry)
  local fence = reserve(keys, token, lid, expiry, marks, deadline)
  -- More may have fallen due than one can take.
  hand_over(keys, now)
  return { 1, deadline, fence, record, keys.dropped }
end

if mode == 'leave' then
  redis.call('ZREM', keys.waiters, entry)
elseif mode ~= 'try' then
  stay(keys, entry, now)
  -- Drops the dead at the head, so that a mailbox nobody writes to does not collect them.
  if mode == 'join' then next_waiter(keys, now) end
end
local due = tonumber(redis.call('ZRANGE', keys.timers, 0, 0, 'WITHSCORES')[2])
if allowed == 0 and opens and redis.call('EXISTS', keys.ready) == 1 then
  due = math.min(due or opens, opens)
end
return { 2, due and math.max(0, due - now) or -1, keys.dropped }
