-- A generation: 'G' for an ordinary or 'P' for a pending one, its id, how many occasions (2 digits) are on record, the
-- SHA-1 of each, writers.
local LIFETIME = 604800000 -- 7 days in ms
local OCCASIONS = 64 -- older ones are forgotten

local function parse_generation(value, now)
  local id, count = string.match(value, '^[GP](' .. ID .. ')(%d%d)')
  if not id then return nil end
  local occasions = {}
  for index = 1, tonumber(count) do
    occasions[index] = string.sub(value, 26 + (index - 1) * 40, 25 + index * 40)
  end
  local writers = parse_writers(value, 26 + #occasions * 40, now)
  return writers and { kind = string.sub(value, 1, 1), id = id, occasions = occasions, writers = writers }
end

-- The generation under `key`; without an id when there is none, or it is something else.
local function read_generation(key, now)
  local value = redis.pcall('GET', key)
  return type(value) == 'string' and parse_generation(value, now) or { occasions = {}, writers = {} }
end

-- A pending generation without writers is one that nothing has happened to since the deadline of the last of them.
local function is_lost(generation)
  return not generation.id or generation.kind == 'P' and #generation.writers == 0
end

local function change(generation, id)
  generation.id = id
  generation.kind = #generation.writers > 0 and 'P' or 'G'
end

local function write_generation(key, generation, now)
  local occasions = generation.occasions
  local record = string.format('%02d', #occasions) .. table.concat(occasions)
  local value = generation.kind .. generation.id .. record .. format_writers(generation.writers)
  redis.call('SET', key, value, 'PX', math.max(LIFETIME, last_deadline(generation.writers) - now))
end
