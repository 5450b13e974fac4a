-- store-write: take a writer out of a slot, and store its value if it was alone throughout and nothing was invalidated.
-- It needs memory: when there is none nothing happens, and end-write does without the value.
--
-- KEYS[1]  slot
-- ARGV[1]  token   ARGV[2]  id that the slot gets if it is closed afterwards
-- ARGV[3]  entry ('E', id, bytes)   ARGV[4]  lifetime in ms (integer >= 1), or '' for none
-- ARGV[5]  now in ms, or '' for the server's   ARGV[6]  channel, or ''
-- RETURNS  1 stored | 0 not stored
-- WHY Lua  whether it was alone, and storing, must be one step.
-- include: now.lua
-- include: tell.lua
-- include: writers.lua
-- include: slot.lua
local now = now_ms(ARGV[5])
local slot = read_closed(KEYS[1], now)
local was_alone = leave(slot.writers, ARGV[1]) and slot.storer == ARGV[1]
if was_alone then
  write_entry(KEYS[1], ARGV[3], ARGV[4])
else
  invalidate(KEYS[1], slot, ARGV[2], '', now)
end
tell(ARGV[6], KEYS[1])
return was_alone and 1 or 0
