-- Handing what is ready to those who wait. Ends every script that makes something ready.
local function serve(keys, now)
  local waiter = next_waiter(keys, now)
  if not waiter then return end
  local allowed, _, rate = allowance(keys, now, math.huge)
  local passed = 0
  while waiter and passed < allowed do
    local lid, record, expiry, marks = next_live(keys, now, lowest_is_next(keys, waiter.low_every))
    if not lid then break end
    local deadline = now + waiter.visibility
    local fence = reserve(keys, waiter.token, lid, expiry, marks, deadline)
    tell(keys, waiter, fence, deadline, record)
    passed = passed + 1
    waiter = next_waiter(keys, now)
  end
  count_passed(keys, rate, passed)
end
