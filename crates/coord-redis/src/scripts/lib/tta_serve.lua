-- Handing what is due to those who wait.

local function give(keys, now, waiter, json)
  local deadline = now + waiter.visibility
  tell(keys, waiter, reserve(keys, waiter.token, json, deadline), deadline, json)
end

-- Ends every script that makes something due.
local function serve(keys, now)
  local waiter = next_waiter(keys, now)
  if not waiter then return end
  local allowed, _, rate = allowance(keys, now, math.huge)
  local passed = 0
  while waiter and passed < allowed do
    local json = next_due(keys, now, lowest_is_next(keys, waiter.low_every))
    if not json then break end
    give(keys, now, waiter, json)
    passed = passed + 1
    waiter = next_waiter(keys, now)
  end
  count_passed(keys, rate, passed)
end

local function is_anything_due(keys, now)
  for _, schedule in ipairs({ keys.prio9, keys.prio5, keys.prio1 }) do
    if redis.call('ZCOUNT', schedule, '-inf', now) > 0 then return true end
  end
  return false
end
