-- Purpose: grant a probe permit, or refuse; a refusal changes nothing.
-- KEYS: 1 fleet, 2 state, 3 metrics
-- ARGV: 1 channel, 2 name, 3 lease, 4 permits at once, 5 life of a permit in microseconds
-- Returns: as observe, the last one 1 if granted
-- Errors: none of its own
local record = load_record()
if is_held(record) or state_now(record) ~= HALF_OPEN then return view(record, false) end
if record.state == OPEN then
  enter(record, HALF_OPEN)
elseif #alive(record.leases) >= tonumber(ARGV[4]) then
  return view(record, false)
end
record.leases = alive(record.leases)
record.leases[#record.leases + 1] = { id = ARGV[3], till = now + ARGV[5] }
save(record)
return view(record, true)
