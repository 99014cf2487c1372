-- The server's time in microseconds. Read once per script: one clock, and on servers older than
-- 7.4 TIME moves while a script runs.
local function server_time()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
