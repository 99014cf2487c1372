-- The gate of a mailbox: whether it hands out what is ready.
--
-- gate     field of a hash: 'p' while it is paused, otherwise '-'; behind it, if there is a rate
--          limit, ':<microseconds for each>:<burst>'. Not there: open
-- next_due field beside it: when the next message would be due at the even rate

-- How many may be handed out now, at most `wanted`; when the gate opens by itself if none may; and
-- what has to be counted then.
local function allowance(keys, now, wanted)
  local gate = redis.call('HGET', keys.gate, 'gate')
  if not gate then return wanted end
  if string.sub(gate, 1, 1) == 'p' then return 0 end
  local interval, burst = string.match(gate, '^-:(%d+):(%d+)$')
  if not interval then return wanted end
  interval, burst = tonumber(interval), tonumber(burst)
  local due = math.max(now, tonumber(redis.call('HGET', keys.gate, 'next_due') or 0))
  local free = math.floor((now - due) / interval) + burst
  -- Never negative, also when the server's clock stepped back.
  return math.max(0, math.min(wanted, free)), due - (burst - 1) * interval, { interval, due }
end

-- Counts what was handed out.
local function count_passed(keys, rate, passed)
  if rate and passed > 0 then
    redis.call('HSET', keys.gate, 'next_due', string.format('%.0f', rate[2] + passed * rate[1]))
  end
end

-- Pauses, resumes or limits the rate, as pause.lua says. Returns whether it is open now, and whether
-- that changed if it is paused.
local function set_gate(keys, order, interval, burst)
  local gate = redis.call('HGET', keys.gate, 'gate') or '-'
  local was_paused, rate = string.sub(gate, 1, 1) == 'p', string.sub(gate, 2)
  local is_paused = was_paused
  if order == 'rate' then
    rate = interval == '0' and '' or ':' .. interval .. ':' .. burst
    redis.call('HDEL', keys.gate, 'next_due')
  else
    is_paused = order == 'pause'
  end
  if is_paused or rate ~= '' then
    redis.call('HSET', keys.gate, 'gate', (is_paused and 'p' or '-') .. rate)
  else
    redis.call('HDEL', keys.gate, 'gate', 'next_due')
  end
  return not is_paused, is_paused ~= was_paused
end
