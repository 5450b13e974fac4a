#!lua flags=allow-oom
-- renew-write: let a writer go on.
--
-- KEYS[1]  slot
-- ARGV[1]  token   ARGV[2]  duration from now in ms (integer >= 1)   ARGV[3]  now in ms, or '' for the server's
-- RETURNS  1 it may go on | 0 the slot has forgotten it
-- WHY Lua  the writers are read, changed and written in one step.
-- include: now.lua
-- include: writers.lua
-- include: slot.lua
local now = now_ms(ARGV[3])
local slot = read_closed(KEYS[1], now)
if not find_writer(slot.writers, ARGV[1]) then return 0 end
join(slot.writers, ARGV[1], now + ARGV[2])
write_closed(KEYS[1], slot, now)
return 1
