-- delete-equal: give back a lease or a claim.
--
-- KEYS[1]  slot or claim
-- ARGV[1]  what the caller has put there   ARGV[2]  channel, or ''
-- RETURNS  1 deleted | 0 it is gone
-- WHY Lua  compare and delete must be one step, or what another has put there since is deleted.
-- include: tell.lua
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
tell(ARGV[2], KEYS[1])
return 1
