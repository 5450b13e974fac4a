-- take-claim: take a claim that is free, or keep one's own for longer.
--
-- KEYS[1]  claim
-- ARGV[1]  token   ARGV[2]  lifetime in ms (integer >= 1)
-- RETURNS  1 taken | 0 another has it
-- WHY Lua  compare and write must be one step, or the claim of another is prolonged.
local holder = redis.pcall('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
