-- read-generation: read a generation, or make it.
--
-- KEYS[1]  generation
-- ARGV[1]  id that it gets if it is made   ARGV[2]  now in ms, or '' for the server's   ARGV[3]  channel, or ''
-- RETURNS  'G' for an ordinary or 'P' for a pending one, and its id
-- WHY Lua  of two processes that miss it one makes it, in the step that reads it.
-- include: now.lua
-- include: tell.lua
-- include: writers.lua
-- include: generation.lua
local now = now_ms(ARGV[2])
local generation = read_generation(KEYS[1], now)
if is_lost(generation) then
  change(generation, ARGV[1])
  write_generation(KEYS[1], generation, now)
  tell(ARGV[3], KEYS[1])
else
  -- Every process hears of a new expiry, so it is not set each time.
  local remaining = redis.call('PTTL', KEYS[1])
  if remaining >= 0 and remaining < LIFETIME / 2 then redis.call('PEXPIRE', KEYS[1], LIFETIME) end
end
return generation.kind .. generation.id
