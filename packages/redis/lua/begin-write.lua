#!lua flags=allow-oom
-- begin-write: close a slot for a writer.
--
-- KEYS[1]  slot
-- ARGV[1]  token   ARGV[2]  duration in ms (integer >= 1)   ARGV[3]  id that the slot gets
-- ARGV[4]  now in ms, or '' for the server's   ARGV[5]  channel, or ''
-- RETURNS  1
-- WHY Lua  whether there are other writers, and joining them, must be one step.
-- include: now.lua
-- include: tell.lua
-- include: writers.lua
-- include: slot.lua
local now = now_ms(ARGV[4])
local slot = read_closed(KEYS[1], now)
-- Of several writers in one slot nobody knows whose value is the last.
slot.storer = #slot.writers == 0 and ARGV[1] or NOBODY
slot.id = ARGV[3]
join(slot.writers, ARGV[1], now + ARGV[2])
write_closed(KEYS[1], slot, now)
tell(ARGV[5], KEYS[1])
return 1
