-- Handing what is ready to those who wait. Ends every script that makes something ready.
local function serve(keys, now)
  while true do
    local waiter = next_waiter(keys, now)
    if not waiter then return end
    local lid, record, expiry = next_live(keys, now, lowest_is_next(keys, waiter.low_every))
    if not lid then return end
    local deadline = now + waiter.visibility
    local fence = reserve(keys, waiter.token, lid, expiry, deadline)
    tell(keys, waiter, fence, deadline, record)
  end
end
