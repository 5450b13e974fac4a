-- clear-members: remove all members of an owner.
--
-- KEYS[1]  owner
-- RETURNS  how many there were
-- WHY Lua  those whose time was over do not count.
-- include: members.lua
prune(KEYS[1], now_ms())
local count = redis.call('ZCARD', KEYS[1])
redis.call('DEL', KEYS[1])
return count
