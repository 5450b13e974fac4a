#!lua flags=allow-oom
-- bump-generation-once: change a generation for an occasion, unless that has been done.
--
-- KEYS[1]  generation
-- ARGV[1]  occasion   ARGV[2]  occasion before it, or ''   ARGV[3]  id that it gets
-- ARGV[4]  now in ms, or '' for the server's   ARGV[5]  channel, or ''
-- RETURNS  1 this call has changed it | 0 it has not
-- WHY Lua  of all processes that ask for it one does it: the record is read and written in one step.
-- include: now.lua
-- include: tell.lua
-- include: writers.lua
-- include: generation.lua
local now = now_ms(ARGV[4])
local generation = read_generation(KEYS[1], now)
local occasion = redis.sha1hex(ARGV[1])
local before = ARGV[2] ~= '' and redis.sha1hex(ARGV[2])
local continues = false
for _, recorded in ipairs(generation.occasions) do
  if recorded == occasion then return 0 end
  continues = continues or recorded == before
end
table.insert(generation.occasions, occasion)
if #generation.occasions > OCCASIONS then table.remove(generation.occasions, 1) end
if not continues then change(generation, ARGV[3]) end
write_generation(KEYS[1], generation, now)
tell(ARGV[5], KEYS[1])
return continues and 0 or 1
