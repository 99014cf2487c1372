-- Those who wait for a message of a mailbox.
--
-- waiters   zset   '<token> <visibility> <low_every> <channel>' -> since when; with an '@' before
--                  the channel, until when
--
-- Whoever makes a message ready reserves it for the first of them, under the token it has drawn,
-- and tells it on its channel. Who no longer listens is dropped.

-- On a cluster the node cannot tell who listens elsewhere: there an entry holds for a time.
local LEASE = 15000000

local function is_alive(channel, score, now)
  if string.sub(channel, 1, 1) == '@' then return tonumber(score) > now end
  return redis.call('PUBSUB', 'NUMSUB', channel)[2] > 0
end

-- The first who listens: token, visibility, low_every, channel, and the whole entry.
local function next_waiter(keys, now)
  while true do
    local first = redis.call('ZRANGE', keys.waiters, 0, 0, 'WITHSCORES')
    local entry = first[1]
    if not entry then return nil end
    local token, visibility, low_every, channel = string.match(entry, '^(%S+) (%d+) (%d+) (.+)$')
    if token and is_alive(channel, first[2], now) then
      return { entry = entry, token = token, visibility = tonumber(visibility),
        low_every = tonumber(low_every), channel = channel }
    end
    redis.call('ZREM', keys.waiters, entry)
  end
end

-- Registers an entry, or renews one that holds for a time.
local function stay(keys, entry, now)
  if string.find(entry, '^%S+ %d+ %d+ @') then
    redis.call('ZADD', keys.waiters, now + LEASE, entry)
  else
    redis.call('ZADD', keys.waiters, 'NX', now, entry)
  end
end

-- Larger ones are not sent along: the waiter comes for them.
local MAX_TOLD = 65536

-- Tells a waiter what was reserved for it. If the user may not publish there, the waiter finds
-- it when it looks the next time.
local function tell(keys, waiter, fence, deadline, message)
  redis.call('ZREM', keys.waiters, waiter.entry)
  local text = waiter.token
  if #message <= MAX_TOLD then
    text = string.format('%s %.0f %.0f ', text, fence, deadline) .. message
  end
  redis.pcall('PUBLISH', (string.gsub(waiter.channel, '^@', '')), text)
end
