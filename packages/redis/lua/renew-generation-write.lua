#!lua flags=allow-oom
-- renew-generation-write: let a writer of a generation go on.
--
-- KEYS[1]  generation
-- ARGV[1]  token   ARGV[2]  duration from now in ms (integer >= 1)   ARGV[3]  now in ms, or '' for the server's
-- RETURNS  1 it may go on | 0 the generation has forgotten it
-- WHY Lua  the writers are read, changed and written in one step.
-- include: now.lua
-- include: writers.lua
-- include: generation.lua
local now = now_ms(ARGV[3])
local generation = read_generation(KEYS[1], now)
if not find_writer(generation.writers, ARGV[1]) then return 0 end
join(generation.writers, ARGV[1], now + ARGV[2])
write_generation(KEYS[1], generation, now)
return 1
