-- Those who wait for a message of a mailbox.
--
-- waiters   zset   '<token> <visibility> <low_every> <channel>' -> since when
--
-- Whoever makes a message ready reserves it for the first of them, under the token it has drawn,
-- and tells it on its channel. Who no longer listens is dropped.

-- The first who listens: token, visibility, low_every, channel, and the whole entry.
local function next_waiter(keys)
  while true do
    local entry = redis.call('ZRANGE', keys.waiters, 0, 0)[1]
    if not entry then return nil end
    local token, visibility, low_every, channel = string.match(entry, '^(%S+) (%d+) (%d+) (.+)$')
    if token and redis.call('PUBSUB', 'NUMSUB', channel)[2] > 0 then
      return { entry = entry, token = token, visibility = tonumber(visibility),
        low_every = tonumber(low_every), channel = channel }
    end
    redis.call('ZREM', keys.waiters, entry)
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
  redis.pcall('PUBLISH', waiter.channel, text)
end
