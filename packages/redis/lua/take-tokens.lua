-- take-tokens: take tokens that are worth whole milliseconds from a bucket, all or none.
--
-- KEYS[1]  bucket
-- ARGV[1]  what the tokens are worth in ms   ARGV[2]  what a full bucket is worth in ms
-- RETURNS  what the bucket lacks afterwards, in ms; when the tokens are not there: -1 - what it lacks
-- WHY Lua  count and write must be one step, or several take the last token.
local missing = redis.call('PTTL', KEYS[1])
if missing <= 0 then
  missing = 0
else
  -- Whatever its limit was before.
  missing = math.min(missing, ARGV[2])
end
local after = missing + ARGV[1]
if after > tonumber(ARGV[2]) then return -1 - missing end
-- With GET it fails for another type, and leaves it.
redis.call('SET', KEYS[1], '', 'PX', after, 'GET')
return after
