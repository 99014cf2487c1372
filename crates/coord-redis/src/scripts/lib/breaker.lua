-- The shared record of one breaker: what every script of the breaker begins with.
--
-- KEYS: 1 fleet (hash: the record, and the counters of the metrics), 2 state and 3 metrics (the
-- original's JSON records, written for others to read and never read here).
-- ARGV: 1 channel, 2 name.
-- Numbers are written with %.0f: Lua's own way would cut them to 14 digits.
local CLOSED, OPEN, HALF_OPEN = 'closed', 'open', 'half_open'
local NO_EPOCH = '0000000000000000'
local MAX_OPEN_US = 86400 * 1000000
local STATE_TTL, METRICS_TTL = 86400, 604800
local now = server_time()

local function whole(number) return string.format('%.0f', number) end

local function seconds(micros)
  return tonumber(micros) and string.format('%.6f', micros / 1000000) or 'null'
end

local function quoted(text)
  local escape = function(c) return string.format('\\u%04x', c:byte()) end
  return '"' .. text:gsub('[%c"\\]', escape) .. '"'
end

-- `id=until` pairs in one string, in order.
local function decode(text)
  local items = {}
  for id, till in (text or ''):gmatch('(%x+)=(%d+)') do
    items[#items + 1] = { id = id, till = tonumber(till) }
  end
  return items
end

local function encode(items, form)
  local parts = {}
  for i, item in ipairs(items) do parts[i] = string.format(form, item.id, item.till) end
  return table.concat(parts, ',')
end

-- All of `items` that are alive, without the one named `except`.
local function alive(items, except)
  local kept = {}
  for _, item in ipairs(items) do
    if item.till > now and item.id ~= except then kept[#kept + 1] = item end
  end
  return kept
end

local function load_record()
  local f = redis.call('HMGET', KEYS[1], 'epoch', 'generation', 'state', 'changed', 'open_until',
    'successes', 'votes', 'leases', 'hold', 'hold_until', 'reason', 'author', 'failed')
  return {
    epoch = f[1] or NO_EPOCH, generation = tonumber(f[2] or 0), state = f[3] or CLOSED,
    changed = tonumber(f[4] or 0), open_until = tonumber(f[5] or 0),
    successes = tonumber(f[6] or 0), votes = decode(f[7]), leases = decode(f[8]),
    hold = f[9] or '', hold_until = tonumber(f[10] or ''), reason = f[11] or '',
    author = f[12] or '', failed = tonumber(f[13] or ''),
  }
end

-- The record, made anew as `epoch` if there is none.
local function load_or_create(epoch)
  local record = load_record()
  if record.epoch == NO_EPOCH then
    record.epoch, record.generation, record.changed = epoch, 1, now
  end
  return record
end

local function is_version(record, epoch, generation)
  return record.epoch == epoch and whole(record.generation) == generation
end

local function is_held(record)
  return record.hold ~= '' and (not record.hold_until or record.hold_until > now)
end

-- The state as of now: OPEN whose time has passed is HALF_OPEN.
local function state_now(record)
  if record.state == OPEN and record.open_until <= now then return HALF_OPEN end
  return record.state
end

local function enter(record, state)
  record.state, record.changed, record.successes = state, now, 0
  record.generation = record.generation + 1
  record.votes, record.leases, record.moved = {}, {}, true
end

local function open(record, lasting)
  record.open_until = now + math.min(tonumber(lasting), MAX_OPEN_US)
  enter(record, OPEN)
end

-- The reply: the record as it looks now, and whether the step counted.
local function view(record, counted)
  local state, left, hold, hold_left = state_now(record), 0, '', -1
  if state == OPEN then left = record.open_until - now end
  if is_held(record) then
    hold = record.hold
    if record.hold_until then hold_left = record.hold_until - now end
  end
  return { record.epoch, record.generation, state, left, #alive(record.votes),
    #alive(record.leases), hold, hold_left, record.reason, record.author, counted and 1 or 0 }
end
