-- read-members: the members of an owner, those that end soonest first.
--
-- KEYS[1]  owner
-- RETURNS  members
-- WHY Lua  the time is the server's.
-- include: members.lua
prune(KEYS[1], now_ms())
return redis.call('ZRANGE', KEYS[1], 0, -1)
