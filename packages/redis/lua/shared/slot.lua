-- A slot: an entry ('E', id, bytes), a lease ('L', token), or closed ('C', id, the token of the writer who may store a
-- value, writers). Anything else is an entry whose id is its SHA-1. src/fenced-store/slot-layout.ts reads the same.
local NOBODY = string.rep('-', 22) -- no token is like this: its last character stands for two bits only

-- false when there is nothing. Another type than a string is an entry without bytes.
local function read_value(key)
  local value = redis.pcall('GET', key)
  if type(value) == 'table' then return '' end
  return value
end

-- What is under `key` is closed only while it has writers; without an id it is something else.
local function read_closed(key, now)
  -- A long entry is not read for this.
  if redis.pcall('GETRANGE', key, 0, 0) == 'C' then
    local value = redis.call('GET', key)
    local id, storer = string.match(value, '^C(' .. ID .. ')(' .. ID .. ')')
    local writers = #value > 45 and id and parse_writers(value, 46, now)
    if writers then return { id = id, storer = storer, writers = writers } end
  end
  return { writers = {} }
end

-- nil for a lease. That of a closed slot is a SHA-1 as well, which nobody asks for.
local function entry_id(value)
  if string.find(value, '^L' .. ID .. '$') then return nil end
  return string.match(value, '^E(' .. ID .. ')') or redis.sha1hex(value)
end

local function write_closed(key, slot, now)
  local value = 'C' .. slot.id .. slot.storer .. format_writers(slot.writers)
  redis.call('SET', key, value, 'PX', last_deadline(slot.writers) - now)
end

local function write_entry(key, entry, lifetime)
  if lifetime == '' then
    redis.call('SET', key, entry)
  else
    redis.call('SET', key, entry, 'PX', lifetime)
  end
end

-- What an invalidation leaves behind: a closed slot stays closed, under another id, and none of its writers may store;
-- anything else is gone. Either way something changes, even where nothing was.
local function invalidate(key, slot, id, hold_ms, now)
  if hold_ms ~= '' then
    local held = find_writer(slot.writers, NOBODY)
    join(slot.writers, NOBODY, math.max(now + hold_ms, held and slot.writers[held][2] or 0))
  end
  if #slot.writers > 0 then
    slot.id = id
    slot.storer = NOBODY
    write_closed(key, slot, now)
  elseif redis.call('DEL', key) == 0 then
    redis.call('SET', key, '')
    redis.call('DEL', key)
  end
end
