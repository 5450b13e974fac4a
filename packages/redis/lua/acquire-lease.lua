#!lua
-- acquire-lease: take the right to fill a slot that is absent, or that holds an entry which the caller has found invalid.
--
-- KEYS[1]  slot
-- ARGV[1]  lease ('L', token)   ARGV[2]  lifetime in ms (integer >= 1)
-- ARGV[3]  id of the invalid entry, or ''   ARGV[4]  now in ms, or '' for the server's   ARGV[5]  channel, or ''
-- RETURNS  nil when the lease is taken; else { what the slot holds, the rest of its lifetime as PTTL tells it }
-- WHY Lua  compare and write must be one step, or two readers take the lease, or one removes a newer entry.
-- WHY #!   a server that refuses writes then refuses this one too, also where it would only tell of somebody else's
--          lease: who holds that can neither fill it nor give it back, and whoever waits for it would do so in vain.
-- include: now.lua
-- include: tell.lua
-- include: writers.lua
-- include: slot.lua
local function is_free()
  local slot = read_closed(KEYS[1], now_ms(ARGV[4]))
  if slot.id then return #slot.writers == 0 end
  local value = read_value(KEYS[1])
  if not value then return true end
  -- A lease that never ends was written by a stranger.
  local id = entry_id(value) or redis.call('PTTL', KEYS[1]) == -1 and redis.sha1hex(value)
  return id == ARGV[3]
end

if not is_free() then return { read_value(KEYS[1]), redis.call('PTTL', KEYS[1]) } end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
tell(ARGV[5], KEYS[1])
return nil
