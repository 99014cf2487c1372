-- Hands what is due to those who wait, in their order, as the gate allows. `fresh`, a message that is
-- not in its schedule yet, is handed over only if nothing else is due: a touched schedule wakes
-- every process. Returns whether it was.
local function hand_over(keys, now, fresh)
  local waiter = next_waiter(keys, now)
  if not waiter or (fresh and is_anything_due(keys, now)) then return false end
  local allowed, _, rate = allowance(keys, now, fresh and 1 or math.huge)
  local passed = 0
  while waiter and passed < allowed do
    local json = fresh or next_due(keys, now, lowest_is_next(keys, waiter.low_every))
    if not json then break end
    local deadline = now + waiter.visibility
    tell(keys, waiter, reserve(keys, waiter.token, json, deadline), deadline, json)
    passed = passed + 1
    waiter = passed < allowed and next_waiter(keys, now)
  end
  count_passed(keys, rate, passed)
  return passed > 0
end
