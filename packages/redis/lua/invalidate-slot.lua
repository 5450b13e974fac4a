#!lua flags=allow-oom
-- invalidate-slot: remove what the slot holds, and keep the writers of a closed one from storing.
--
-- KEYS[1]  slot
-- ARGV[1]  id that the slot gets if it is closed afterwards
-- ARGV[2]  how long it is closed at least, in ms (integer >= 1), or '' for not at all
-- ARGV[3]  now in ms, or '' for the server's   ARGV[4]  channel, or ''
-- RETURNS  1
-- WHY Lua  a DEL would open a closed slot, and of an absent one the server tells nobody.
-- include: now.lua
-- include: tell.lua
-- include: writers.lua
-- include: slot.lua
local now = now_ms(ARGV[3])
invalidate(KEYS[1], read_closed(KEYS[1], now), ARGV[1], ARGV[2], now)
tell(ARGV[4], KEYS[1])
return 1
