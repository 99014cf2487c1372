-- Purpose: take a probe permit back, with the probe's outcome or unused, and decide. Does nothing
--   if the version has changed or the permit has lapsed.
-- KEYS: 1 fleet, 2 state, 3 metrics
-- ARGV: 1 channel, 2 name, 3 lease, 4 epoch, 5 generation, 6 success, failure or unused,
--   7 successes that close, 8 time to stay open after a failure in microseconds
-- Returns: as observe, the last one 1 if it counted
-- Errors: none of its own
local record = load_record()
local left = alive(record.leases, ARGV[3])
local is_late = not is_version(record, ARGV[4], ARGV[5]) or #left == #alive(record.leases)
if is_late then return view(record, false) end

record.leases = left
if ARGV[6] == 'failure' then
  record.failed = now
  open(record, ARGV[8])
elseif ARGV[6] == 'success' then
  record.successes = record.successes + 1
  if record.successes >= tonumber(ARGV[7]) then enter(record, CLOSED) end
end
save(record)
return view(record, true)
