#!lua flags=allow-oom
-- begin-generation-write: make a generation pending for a writer.
--
-- KEYS[1]  generation
-- ARGV[1]  token   ARGV[2]  duration in ms (integer >= 1)   ARGV[3]  id that it gets
-- ARGV[4]  now in ms, or '' for the server's   ARGV[5]  channel, or ''
-- RETURNS  1
-- WHY Lua  the writers are read, changed and written in one step.
-- include: now.lua
-- include: tell.lua
-- include: writers.lua
-- include: generation.lua
local now = now_ms(ARGV[4])
local generation = read_generation(KEYS[1], now)
join(generation.writers, ARGV[1], now + ARGV[2])
change(generation, ARGV[3])
write_generation(KEYS[1], generation, now)
tell(ARGV[5], KEYS[1])
return 1
