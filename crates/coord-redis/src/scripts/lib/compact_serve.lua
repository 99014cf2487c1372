-- Hands what is ready to those who wait, in their order, as the gate allows. `fresh` (lid, record,
-- marks) is not among the ready ones: it is handed over only if it is alone. Returns whether it was.
local function hand_over(keys, now, fresh)
  local waiter = next_waiter(keys, now)
  if not waiter or (fresh and redis.call('EXISTS', keys.ready) == 1) then return false end
  local allowed, _, rate = allowance(keys, now, fresh and 1 or math.huge)
  local passed = 0
  while waiter and passed < allowed do
    local lid, record, expiry, marks
    if fresh then
      lid, record, marks = fresh.lid, fresh.record, fresh.marks
    else
      lid, record, expiry, marks = next_live(keys, now, lowest_is_next(keys, waiter.low_every))
    end
    if not lid then break end
    local deadline = now + waiter.visibility
    local fence = reserve(keys, waiter.token, lid, expiry, marks, deadline)
    tell(keys, waiter, fence, deadline, record)
    passed = passed + 1
    waiter = passed < allowed and next_waiter(keys, now)
  end
  count_passed(keys, rate, passed)
  return passed > 0
end
