-- Purpose: look at waiting messages in serving order: ready ones, then delayed ones.
-- KEYS: 1 prio 9, 2 prio 5, 3 prio 1
-- ARGV: 1 offset, 2 limit
-- Returns: for each message: 1 ready or 0 delayed, when it became or becomes ready, JSON
-- Errors: none of its own
local offset, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local now = server_time()
local reply = {}
for i = 1, 3 do
  local ready = redis.call('ZCOUNT', KEYS[i], '-inf', now)
  local missing = limit - #reply / 3
  if missing > 0 and offset < ready then
    local page = redis.call('ZRANGEBYSCORE', KEYS[i], '-inf', now, 'WITHSCORES', 'LIMIT', offset,
      missing)
    for j = 1, #page, 2 do
      local size = #reply
      reply[size + 1], reply[size + 2], reply[size + 3] = 1, tonumber(page[j + 1]), page[j]
    end
  end
  offset = math.max(0, offset - ready)
end

-- Delayed ones of all levels, merged by due time.
local delayed = {}
local missing = limit - #reply / 3
if missing > 0 then
  local after = '(' .. string.format('%.0f', now)
  for i = 1, 3 do
    local page = redis.call('ZRANGEBYSCORE', KEYS[i], after, '+inf', 'WITHSCORES', 'LIMIT', 0,
      offset + missing)
    for j = 1, #page, 2 do
      delayed[#delayed + 1] = { tonumber(page[j + 1]), i, page[j] }
    end
  end
  table.sort(delayed, function(a, b)
    if a[1] ~= b[1] then return a[1] < b[1] end
    if a[2] ~= b[2] then return a[2] < b[2] end
    return a[3] < b[3]
  end)
  for j = offset + 1, math.min(offset + missing, #delayed) do
    local size = #reply
    reply[size + 1], reply[size + 2], reply[size + 3] = 0, delayed[j][1], delayed[j][3]
  end
end
return reply
