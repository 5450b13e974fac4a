-- give-tokens: give tokens back to a bucket.
--
-- KEYS[1]  bucket
-- ARGV[1]  what the tokens are worth in us   ARGV[2]  what a full bucket is worth in us
-- ARGV[3]  1 when a token is worth whole milliseconds, else 0
-- RETURNS  nil
-- WHY Lua  count and write must be one step, or what another takes meanwhile is given back too.
-- include: bucket.lua
local now = now_us()
local after = missing_us(KEYS[1], tonumber(ARGV[2]), now) - ARGV[1]
if after <= 0 then
  redis.call('DEL', KEYS[1])
elseif ARGV[3] == '1' then
  redis.call('SET', KEYS[1], '', 'PX', math.ceil(after / 1000))
else
  put(KEYS[1], now + after)
end
return nil
