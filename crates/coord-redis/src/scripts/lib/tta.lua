-- The original's layout: how a mailbox lies in Redis.
--
-- queue      list   every message that is not settled yet, as JSON; its length is the depth
-- prio 9 5 1 zset   JSON -> when it is available
-- reserved   hash   token -> JSON;  deadlines: zset token -> deadline
-- dlq        list   dead messages, as JSON
-- notes      hash   token -> 'c' if its message is cancelled, otherwise '-', then notes for its
--                   holder, each '<n>:' and n bytes (ours)
-- fence      string reservations so far;  dedup: zset message id -> end of its window (both ours)
--
-- JSON is matched by its bytes and never looked into: what has to change in it, the client
-- changes.

-- Whether what a token holds is cancelled; forgets what was noted for its holder.
local function was_cancelled(keys, token)
  local notes = redis.call('HGET', keys.notes, token)
  if notes then redis.call('HDEL', keys.notes, token) end
  return notes and string.sub(notes, 1, 1) == 'c'
end

-- Removes one copy from the list of unsettled messages. Old messages stand near the head and
-- urgent ones near the tail, so both ends are tried before the middle is walked.
local function unlist(queue, json)
  local at = redis.call('LPOS', queue, json, 'MAXLEN', 64)
  if at == 0 then
    redis.call('LTRIM', queue, 1, -1)
  elseif at then
    redis.call('LREM', queue, 1, json)
  else
    redis.call('LREM', queue, -1, json)
  end
end
