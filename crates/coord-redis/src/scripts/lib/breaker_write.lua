-- Writing the shared record, and the original's records beside it.

local function write_metrics()
  local f = redis.call('HMGET', KEYS[1], 'total', 'failed_calls', 'ok_calls', 'changes', 'failed', 'ok')
  local json = string.format('{"total_calls": %s, "failed_calls": %s, "successful_calls": %s, '
    .. '"state_changes": %s, "last_failure_time": %s, "last_success_time": %s, "updated_at": %s}',
    f[1] or 0, f[2] or 0, f[3] or 0, f[4] or 0, seconds(f[5]), seconds(f[6]), seconds(now))
  redis.call('SET', KEYS[3], json, 'EX', METRICS_TTL)
end

local function hold_json(record)
  if record.hold == '' then return 'null' end
  return string.format('{"state":"%s","until_us":%s,"reason":%s,"author":%s}', record.hold,
    record.hold_until and whole(record.hold_until) or 'null', quoted(record.reason),
    quoted(record.author))
end

-- The state as the original names it: what it would do with a call.
local function original_state(record)
  if not is_held(record) then return state_now(record) end
  return record.hold == 'forced_open' and OPEN or CLOSED
end

local function write_state(record)
  local json = string.format('{"state": "%s", "failure_count": %d, "half_open_calls": %d, '
    .. '"half_open_successes": %d, "last_failure_time": %s, "state_changed_at": %s, '
    .. '"updated_at": %s, "coord": {"epoch":"%s","generation":%s,"state":"%s",'
    .. '"changed_at_us":%s,"open_until_us":%s,"successes":%d,"votes":[%s],"leases":[%s],"hold":%s}}',
    original_state(record), #alive(record.votes), #alive(record.leases), record.successes,
    seconds(record.failed), seconds(record.changed), seconds(now), record.epoch,
    whole(record.generation), record.state, whole(record.changed), whole(record.open_until),
    record.successes, encode(record.votes, '{"voter":"%s","until_us":%.0f}'),
    encode(record.leases, '{"id":"%s","until_us":%.0f}'), hold_json(record))
  redis.call('SET', KEYS[2], json, 'EX', STATE_TTL)
end

-- Writes the record; a transition is told to all.
local function save(record)
  redis.call('HSET', KEYS[1], 'epoch', record.epoch, 'generation', whole(record.generation),
    'state', record.state, 'changed', whole(record.changed), 'open_until', whole(record.open_until),
    'successes', record.successes, 'votes', encode(record.votes, '%s=%.0f'),
    'leases', encode(record.leases, '%s=%.0f'), 'hold', record.hold,
    'hold_until', record.hold_until and whole(record.hold_until) or '', 'reason', record.reason,
    'author', record.author, 'failed', record.failed and whole(record.failed) or '')
  -- A record that nothing has happened to for a week is forgotten, but not an operator's hold.
  if is_held(record) and not record.hold_until then
    redis.call('PERSIST', KEYS[1])
  else
    local held = is_held(record) and math.ceil((record.hold_until - now) / 1000000) or 0
    redis.call('EXPIRE', KEYS[1], whole(held + METRICS_TTL))
  end
  write_state(record)
  if record.moved then
    redis.call('HINCRBY', KEYS[1], 'changes', 1)
    write_metrics()
    redis.call('PUBLISH', ARGV[1], ARGV[2])
  end
end
