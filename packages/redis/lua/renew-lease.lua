-- renew-lease: let a lease live on.
--
-- KEYS[1]  slot
-- ARGV[1]  lease ('L', token)   ARGV[2]  lifetime from now in ms (integer >= 1)
-- RETURNS  1 it lives on | 0 it is gone
-- WHY Lua  compare and renew must be one step, or the lease of another is renewed.
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
