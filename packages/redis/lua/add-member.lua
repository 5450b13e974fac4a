-- add-member: add a member to an owner, or give it another time.
--
-- KEYS[1]  owner
-- ARGV[1]  member   ARGV[2]  lifetime in ms (integer >= 1), or 'inf'
-- RETURNS  nil
-- WHY Lua  the time is the server's, and the owner must end with the last of its members and not before.
-- include: members.lua
local now = now_ms()
prune(KEYS[1], now)
redis.call('ZADD', KEYS[1], ARGV[2] == 'inf' and 'inf' or now + ARGV[2], ARGV[1])
end_with_last(KEYS[1])
return nil
