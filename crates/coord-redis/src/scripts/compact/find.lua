-- Purpose: one step of looking through a hash for values that contain a text.
-- KEYS: 1 the hash
-- ARGV: 1 cursor, 2 how many to look at, about, 3 the text; nothing finds everything
-- Returns: {next cursor (0 at the end), then field and value of what was found}
-- Errors: none of its own
local page = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local reply = { page[1] }
for i = 1, #page[2], 2 do
  if string.find(page[2][i + 1], ARGV[3], 1, true) then
    reply[#reply + 1] = page[2][i]
    reply[#reply + 1] = page[2][i + 1]
  end
end
return reply
