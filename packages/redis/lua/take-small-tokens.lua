-- take-small-tokens: take tokens that are worth less than milliseconds can tell from a bucket, all or none.
--
-- KEYS[1]  bucket
-- ARGV[1]  what the tokens are worth in us   ARGV[2]  what a full bucket is worth in us
-- RETURNS  what the bucket lacks afterwards, in sixteenths of us; when the tokens are not there: -1 - what it lacks
-- WHY Lua  count and write must be one step, or several take the last token.
-- include: bucket.lua
local capacity_us = tonumber(ARGV[2])
local now = now_us()
local missing = missing_us(KEYS[1], capacity_us, now)
local after = missing + ARGV[1]
if after > capacity_us then return -1 - to_steps(missing) end
put(KEYS[1], now + after)
return to_steps(after)
