#!lua flags=allow-oom
-- end-write: take a writer, who leaves no value, out of a slot.
--
-- KEYS[1]  slot
-- ARGV[1]  token   ARGV[2]  id that the slot gets if it is closed afterwards
-- ARGV[3]  how long it is closed at least, in ms (integer >= 1), or '' for not at all
-- ARGV[4]  now in ms, or '' for the server's   ARGV[5]  channel, or ''
-- RETURNS  0
-- WHY Lua  the writers are read, changed and written in one step.
-- include: now.lua
-- include: tell.lua
-- include: writers.lua
-- include: slot.lua
local now = now_ms(ARGV[4])
local slot = read_closed(KEYS[1], now)
leave(slot.writers, ARGV[1])
invalidate(KEYS[1], slot, ARGV[2], ARGV[3], now)
tell(ARGV[5], KEYS[1])
return 0
