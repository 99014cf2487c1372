-- Purpose: reserve the next message, or wait for one; or come for what was reserved meanwhile.
--       Expired reservations go first, as in receive.
-- KEYS: 1 queue, 2 prio 9, 3 prio 5, 4 prio 1, 5 reserved, 6 deadlines, 7 dlq, 8 fence, 9 waiters,
--       10 gate, 11 notes
-- ARGV: 1 token, 2 visibility in microseconds, 3 every how many reservations the lowest level
--       goes first (0 never), 4 how many expired reservations to report at most, 5 channel,
--       6 'try' not to wait if there is nothing, 'join' to wait; for who waits already: 'look',
--       or 'leave' to wait no longer, 7 how many may lie dead (0: any); then for each expired
--       reservation: token, level (0 dead), new JSON
-- Returns: {1, deadline, fence, JSON, dead messages dropped} reserved now, {3, deadline, fence,
--       JSON} reserved before, {2, microseconds until something falls due or -1, dead messages
--       dropped} nothing yet, {4} it does not wait,
--       or {0, then token and JSON of each expired reservation} nothing was done
-- Errors: none of its own
local keys = { queue = KEYS[1], prio9 = KEYS[2], prio5 = KEYS[3], prio1 = KEYS[4],
  reserved = KEYS[5], deadlines = KEYS[6], dlq = KEYS[7], fence = KEYS[8], waiters = KEYS[9],
  gate = KEYS[10], notes = KEYS[11],
  dead_limit = tonumber(ARGV[7]), dropped = 0 }
local token = ARGV[1]
local entry = token .. ' ' .. ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. ARGV[5]
local now = server_time()
local deadline = now + tonumber(ARGV[2])
local mode = ARGV[6]

local json = redis.call('HGET', keys.reserved, token)
if json then return { 3, deadline, reserve(keys, token, json, deadline), json } end

local is_new = mode == 'try' or mode == 'join'
if not is_new and not redis.call('ZSCORE', keys.waiters, entry) then return { 4 } end

take_back(keys, now, 8, #ARGV)
local limit = tonumber(ARGV[4])
local undecided = limit > 0 and expired(keys, now, limit) or {}
if #undecided > 0 then
  table.insert(undecided, 1, 0)
  return undecided
end

local allowed, opens, rate = allowance(keys, now, 1)
json = allowed > 0 and next_due(keys, now, lowest_is_next(keys, tonumber(ARGV[3])))
if json then
  count_passed(keys, rate, 1)
  redis.call('ZREM', keys.waiters, entry)
  local fence = reserve(keys, token, json, deadline)
  -- More may have fallen due than one can take.
  hand_over(keys, now)
  return { 1, deadline, fence, json, keys.dropped }
end

if mode == 'leave' then
  redis.call('ZREM', keys.waiters, entry)
elseif mode ~= 'try' then
  stay(keys, entry, now)
  -- Drops the dead at the head, so that a mailbox nobody writes to does not collect them.
  if mode == 'join' then next_waiter(keys, now) end
end
local due = -1
for _, schedule in ipairs({ keys.prio9, keys.prio5, keys.prio1, keys.deadlines }) do
  local first = tonumber(redis.call('ZRANGE', schedule, 0, 0, 'WITHSCORES')[2])
  -- What is ready waits for the gate, which opens by itself or not at all.
  if first and allowed == 0 and first <= now then first = opens end
  if first and (due < 0 or first - now < due) then due = math.max(0, first - now) end
end
return { 2, due, keys.dropped }
