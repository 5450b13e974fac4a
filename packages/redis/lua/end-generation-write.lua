#!lua flags=allow-oom
-- end-generation-write: take a writer out of a generation; after the last one it is an ordinary one again.
--
-- KEYS[1]  generation
-- ARGV[1]  token   ARGV[2]  id that it gets   ARGV[3]  now in ms, or '' for the server's   ARGV[4]  channel, or ''
-- RETURNS  1
-- WHY Lua  the writers are read, changed and written in one step.
-- include: now.lua
-- include: tell.lua
-- include: writers.lua
-- include: generation.lua
local now = now_ms(ARGV[3])
local generation = read_generation(KEYS[1], now)
leave(generation.writers, ARGV[1])
change(generation, ARGV[2])
write_generation(KEYS[1], generation, now)
tell(ARGV[4], KEYS[1])
return 1
