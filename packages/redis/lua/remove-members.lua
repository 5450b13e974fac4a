-- remove-members: remove members of an owner.
--
-- KEYS[1]  owner
-- ARGV     members
-- RETURNS  how many of them were there
-- WHY Lua  those whose time was over were not.
-- include: members.lua
prune(KEYS[1], now_ms())
local removed = redis.call('ZREM', KEYS[1], unpack(ARGV))
end_with_last(KEYS[1])
return removed
