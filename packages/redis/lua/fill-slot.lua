-- fill-slot: turn the caller's lease into an entry.
--
-- KEYS[1]  slot
-- ARGV[1]  lease ('L', token)   ARGV[2]  entry ('E', id, bytes)   ARGV[3]  lifetime in ms (integer >= 1), or '' for none
-- ARGV[4]  channel, or ''
-- RETURNS  1 stored | 0 the lease is gone, nothing written
-- WHY Lua  compare and write must be one step, or a slow loader brings back what an invalidation has just removed.
-- include: tell.lua
-- include: writers.lua
-- include: slot.lua
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
write_entry(KEYS[1], ARGV[2], ARGV[3])
tell(ARGV[4], KEYS[1])
return 1
