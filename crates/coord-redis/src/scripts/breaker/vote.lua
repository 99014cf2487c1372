-- Purpose: vote to open; opens when enough votes are alive. Ignored unless CLOSED, not held, and
--   at the version the voter has seen.
-- KEYS: 1 fleet, 2 state, 3 metrics
-- ARGV: 1 channel, 2 name, 3 voter, 4 epoch seen, 5 generation seen, 6 time to stay open,
--   7 quorum, 8 life of a vote, 9 epoch of a new record; times in microseconds
-- Returns: as observe
-- Errors: none of its own
local MAX_VOTES = 1000
local saw_none = ARGV[4] == NO_EPOCH and ARGV[5] == '0'
local record = saw_none and load_or_create(ARGV[9]) or load_record()
-- Who saw no record may vote in the first generation of one: nothing has happened since.
local is_current = is_version(record, ARGV[4], ARGV[5]) or (saw_none and record.generation == 1)
if record.state ~= CLOSED or is_held(record) or not is_current then return view(record, false) end

record.votes = alive(record.votes, ARGV[3])
if #record.votes >= MAX_VOTES then table.remove(record.votes, 1) end
record.votes[#record.votes + 1] = { id = ARGV[3], till = now + ARGV[8] }
record.failed = now
if #record.votes >= tonumber(ARGV[7]) then open(record, ARGV[6]) end
save(record)
return view(record, true)
