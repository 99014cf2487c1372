-- Purpose: move a reserved message that cannot be read to the dead-letter queue as it is.
-- KEYS: 1 timers, 2 messages, 3 reserved, 4 dead, 5 graves, 6 notes
-- ARGV: 1 token, 2 how many may lie dead (0: any)
-- Returns: how many older ones were dropped; nothing happens if nothing is reserved under the token
-- Errors: none of its own
local keys = { timers = KEYS[1], messages = KEYS[2], reserved = KEYS[3], dead = KEYS[4],
  graves = KEYS[5], notes = KEYS[6], dead_limit = tonumber(ARGV[2]), dropped = 0 }
local lid, _, marks = held(keys, ARGV[1])
if not lid then return 0 end
local record = redis.call('HGET', keys.messages, lid) or nil
drop_token(keys, ARGV[1], marks)
bury(keys, server_time(), lid, record)
return keys.dropped
