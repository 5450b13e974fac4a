-- peek-tokens: look into a bucket.
--
-- KEYS[1]  bucket
-- ARGV[1]  what a full bucket is worth in us
-- RETURNS  what the bucket lacks, in sixteenths of us
-- WHY Lua  the time is the server's.
-- include: bucket.lua
return to_steps(missing_us(KEYS[1], tonumber(ARGV[1]), now_us()))
