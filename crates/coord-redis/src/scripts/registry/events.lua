-- Purpose: announce suspects, name the overdue, read events.
-- KEYS: the twelve of lib/registry.lua
-- ARGV: 1 draw, 2 epoch of the reader (empty: none), 3 its last event, 4 how many events at most
-- Returns: epoch, last event, overdue keys (at most a thousand), entries of the stream
-- Errors: none of its own
local now = server_time()
local draw = ARGV[1]
announce_suspects(draw, now)
redis.call('HSETNX', K.log, 'epoch', draw)
local epoch = redis.call('HGET', K.log, 'epoch')
local seq = tonumber(redis.call('HGET', K.log, 'seq') or '0')
local overdue = redis.call('ZRANGEBYSCORE', K.deadlines, '-inf', now, 'LIMIT', 0, 1000)
local entries = {}
if ARGV[2] == epoch and tonumber(ARGV[3]) < seq and tonumber(ARGV[4]) > 0 then
  entries = redis.call('XRANGE', K.events, '(' .. ARGV[3] .. '-1', '+', 'COUNT', ARGV[4])
end
return { epoch, seq, overdue, entries }
