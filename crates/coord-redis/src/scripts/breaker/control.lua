-- Purpose: carry out an operator's order, which replaces the one in force.
-- KEYS: 1 fleet, 2 state, 3 metrics
-- ARGV: 1 channel, 2 name, 3 epoch of a new record, 4 close, open, or the state to hold,
--   5 how long in microseconds (empty: until the next order), 6 reason, 7 author
-- Returns: as observe
-- Errors: none of its own
local record = load_or_create(ARGV[3])
record.hold, record.hold_until, record.reason, record.author = '', nil, '', ''
if ARGV[4] == 'open' then
  open(record, ARGV[5])
else
  enter(record, CLOSED)
end
if ARGV[4] ~= 'open' and ARGV[4] ~= 'close' then
  record.hold, record.reason, record.author = ARGV[4], ARGV[6], ARGV[7]
  if ARGV[5] ~= '' then record.hold_until = now + ARGV[5] end
end
save(record)
return view(record, true)
