#!lua flags=allow-oom
-- bump-generation: change a generation.
--
-- KEYS[1]  generation
-- ARGV[1]  id that it gets   ARGV[2]  now in ms, or '' for the server's   ARGV[3]  channel, or ''
-- RETURNS  1
-- WHY Lua  a pending one stays pending: its writers are read and written in one step.
-- include: now.lua
-- include: tell.lua
-- include: writers.lua
-- include: generation.lua
local now = now_ms(ARGV[2])
local generation = read_generation(KEYS[1], now)
change(generation, ARGV[1])
write_generation(KEYS[1], generation, now)
tell(ARGV[3], KEYS[1])
return 1
