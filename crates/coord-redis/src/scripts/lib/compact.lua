-- The compact layout: how a mailbox lies in Redis.
--
-- ready      zset   lid -> level and time: what a receive can take; one ZPOPMIN takes the next
-- timers     zset   'd' .. lid -> due time, token -> deadline, 'x' .. lid -> expiry (waiting only)
-- messages   hash   lid -> record; its length is the depth that counts against the capacity
-- reserved   hash   token -> lid, or lid:expiry:marks: r it leaves a receipt, c it is cancelled,
--                   n there are notes for its holder
-- notes      hash   token -> notes for the holder, each '<n>:' and n bytes
-- dead       zset   lid -> time of death;  graves: hash lid -> record
-- meta       hash   seq: arrivals so far, fence: reservations so far
-- dedup      zset   message id -> end of its window
-- receipts   zset   lid of a settled message that leaves a receipt -> when
-- quota:a    set    lids of the messages of sender a, with some that are settled
--
-- A lid is the level's digit and fifteen digits of the arrival number: it sorts by arrival and
-- tells its level. A record is '<attempts>:<level>:<flags>:<enqueued>:<n>:', n bytes of last error
-- ('=' and the text, or nothing), and the message's JSON, which no script looks into. Flags are the
-- sum of 1, it expires, and 2, it leaves a receipt.

-- Levels lie 2^51 microseconds (71 years) apart; times count from 2020-01-01.
local EPOCH = 1577836800000000
local LEVEL = { ['9'] = 0, ['5'] = 2251799813685248, ['1'] = 4503599627370496 }

local function ready_score(lid, at)
  return LEVEL[string.sub(lid, 1, 1)] + (at - EPOCH)
end
