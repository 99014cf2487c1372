-- Purpose: one beat of each of several agents; a lost record comes back.
-- KEYS: the twelve of lib/registry.lua, then per agent its record and its capabilities
-- ARGV: 1 draw, 2 ttl in ms, 3 interval in us, then per agent: name, incarnation, draining (0, 1),
--       status, head of the record, its tail
-- Returns: per agent four numbers: outcome (0 superseded, 1 alive, 2 restored), the incarnation
--          that stands, event (0 none, 1 registered, 2 draining, 3 status changed), whether its
--          capabilities are stored
-- Errors: none of its own
local now = server_time()
local draw, ttl_ms, interval = ARGV[1], ARGV[2], tonumber(ARGV[3])
local reply = {}
announce_suspects(draw, now)
for at = 4, #ARGV, 6 do
  local i = (at - 4) / 6
  local key, capabilities = KEYS[FIRST_AGENT + 2 * i], KEYS[FIRST_AGENT + 2 * i + 1]
  local agent, inc, draining, status = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 3]
  local before = read_meta(key)
  local outcome, event, stands, stored = 1, 0, inc, 0
  if before and before.inc > inc then
    outcome, stands = 0, before.inc
  else
    local gone = not before or before.mark == 'x'
    if redis.call('EXISTS', key) == 0 then outcome = 2 end
    if gone or outcome == 2 then
      redis.call('ZREM', K.graves, key)
      redis.call('ZREM', K.spared, key)
      if inc > tonumber(redis.call('HGET', K.log, 'incarnation') or '0') then
        redis.call('HSET', K.log, 'incarnation', whole(inc))
      end
    end
    local mark, state = 'a', 'alive'
    if draining == '1' then mark, state = 'd', 'draining' end
    local was_suspect = not gone
      and now - before.beat >= math.min(2 * before.interval, before.ttl)
    put_record(now, key, ARGV[at + 4], ARGV[at + 5], inc, ttl_ms, interval, mark, status)
    stored = redis.call('PEXPIRE', capabilities, ttl_ms)
    if gone then
      event = 1
      emit(draw, now, 'registered', agent, inc, state, status)
    elseif mark == 'd' and before.mark ~= 'd' then
      event = 2
      emit(draw, now, 'draining', agent, inc, state, status)
    elseif was_suspect or before.status ~= status then
      event = 3
      emit(draw, now, 'status_changed', agent, inc, state, status)
    end
  end
  reply[#reply + 1] = outcome
  reply[#reply + 1] = stands
  reply[#reply + 1] = event
  reply[#reply + 1] = stored
end
return reply
