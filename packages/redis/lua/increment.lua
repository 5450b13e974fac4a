-- increment: add to a counter, which gets its lifetime in the same step when this call creates it.
--
-- KEYS[1]  counter
-- ARGV[1]  amount (a safe integer)   ARGV[2]  lifetime in ms (integer >= 1), or '' for none
-- RETURNS  the sum; an error, and the counter as it was, when it is not an integer or would leave the safe ones
-- WHY Lua  INCRBY and then PEXPIRE leaves a counter without expiry when the process dies between the two.
if ARGV[2] ~= '' then redis.call('SET', KEYS[1], 0, 'NX', 'PX', ARGV[2]) end
local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
-- A Lua number is a double: 2^53 - 1 is the last integer that it, and JavaScript, can tell from its neighbours.
if sum > 9007199254740991 or sum < -9007199254740991 then
  redis.call('DECRBY', KEYS[1], ARGV[1])
  return redis.error_reply('ERR increment or decrement would overflow')
end
return sum
