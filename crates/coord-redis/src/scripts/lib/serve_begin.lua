-- Handing what is ready to those who wait: ends every script that makes something ready.
--
-- A script pays for each function it defines nearly as for a command. What only who waits needs is
-- therefore defined in here: the scripts between serve_begin and serve_end.
--
-- `fresh` is a message that was just stored and is not among the ready ones yet. Returns nothing if
-- nobody waits, otherwise whether `fresh` was handed over.
local function serve(keys, now, fresh)
  if redis.call('EXISTS', keys.waiters) == 0 then return nil end
