-- refresh-slot: replace an entry by a newer one.
--
-- KEYS[1]  slot
-- ARGV[1]  id of the entry that is there   ARGV[2]  entry ('E', id, bytes)
-- ARGV[3]  lifetime in ms (integer >= 1), or '' for none   ARGV[4]  channel, or ''
-- RETURNS  1 stored | 0 the slot holds anything else, nothing written
-- WHY Lua  compare and write must be one step, or a slow loader brings back what an invalidation has just removed.
-- include: tell.lua
-- include: writers.lua
-- include: slot.lua
local value = read_value(KEYS[1])
if not value or entry_id(value) ~= ARGV[1] then return 0 end
write_entry(KEYS[1], ARGV[2], ARGV[3])
tell(ARGV[4], KEYS[1])
return 1
