-- Purpose: the record as it looks now; changes nothing.
-- KEYS: 1 fleet, 2 state, 3 metrics
-- ARGV: 1 channel, 2 name
-- Returns: epoch, generation, state, time left in OPEN, votes, probes, hold, time left of the
--   hold (-1: none), reason, author, 0; times in microseconds
-- Errors: none of its own
return view(load_record(), false)
