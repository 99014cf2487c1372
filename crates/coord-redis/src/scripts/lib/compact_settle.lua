-- What becomes of a message that was reserved.

-- What a token holds: lid, when the message expires if it does, and its marks if it has any.
-- Nothing if it holds nothing.
local function held(keys, token)
  local value = redis.call('HGET', keys.reserved, token)
  if not value then return nil end
  if #value == 16 then return value end
  local lid, expiry, marks = string.match(value, '^(%d+):(%d*):?(%a*)$')
  return lid, tonumber(expiry), marks ~= '' and marks or nil
end

local function has_mark(marks, mark)
  return marks and string.find(marks, mark, 1, true)
end

-- How many receipts a mailbox keeps: the newest.
local MAX_RECEIPTS = 10000

-- Removes a message that is done.
local function settle(keys, lid, marks, now)
  redis.call('HDEL', keys.messages, lid)
  if has_mark(marks, 'r') then
    redis.call('ZADD', keys.receipts, now or server_time(), lid)
    redis.call('ZREMRANGEBYRANK', keys.receipts, 0, -MAX_RECEIPTS - 1)
  end
end

local function drop_token(keys, token, marks)
  redis.call('HDEL', keys.reserved, token)
  redis.call('ZREM', keys.timers, token)
  if has_mark(marks, 'n') then redis.call('HDEL', keys.notes, token) end
end

-- Back to ready, due `at`; a message that expires is watched again.
local function put_ready(keys, lid, at, expiry)
  redis.call('ZADD', keys.ready, ready_score(lid, at), lid)
  if expiry then redis.call('ZADD', keys.timers, expiry, 'x' .. lid) end
end

-- The record of `lid` with one more failed delivery: attempts, and the new record. Of a damaged
-- record no attempts, and the record as it is; nothing if there is none.
local function count_failure(keys, lid, failure)
  local record = redis.call('HGET', keys.messages, lid) or nil
  local _, stop, attempts, fixed, length =
    string.find(record or '', '^(%d+)(:%d:[0-3]:%d*:)(%d+):')
  if not attempts or stop + length > #record then return nil, record end
  attempts = tonumber(attempts) + 1
  local message = string.sub(record, stop + length + 1)
  return attempts, attempts .. fixed .. #failure .. ':' .. failure .. message
end

-- How many of the oldest dead one burial drops at most.
local MAX_DROPPED = 100

-- Dead. Of more than keys.dead_limit (0 for none) the oldest go, and are counted in keys.dropped.
local function bury(keys, now, lid, record)
  if record then
    redis.call('ZADD', keys.dead, now, lid)
    redis.call('HSET', keys.graves, lid, record)
    local surplus = keys.dead_limit > 0 and redis.call('ZCARD', keys.dead) - keys.dead_limit or 0
    if surplus > 0 then
      local oldest = redis.call('ZPOPMIN', keys.dead, math.min(surplus, MAX_DROPPED))
      for i = 1, #oldest, 2 do redis.call('HDEL', keys.graves, oldest[i]) end
      keys.dropped = keys.dropped + #oldest / 2
    end
  end
  redis.call('HDEL', keys.messages, lid)
end
