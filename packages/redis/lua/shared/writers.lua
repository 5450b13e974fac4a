-- Writers: an array of { token, deadline in ms }, in a value as 22 + 13 characters each.
local ID = string.rep('[%w_-]', 22)
local WRITER = '^(' .. ID .. ')(' .. string.rep('%d', 13) .. ')$'
local LAST_DEADLINE = 9999999999999

-- Reads `text` to its end, and passes over writers whose deadline is over. nil when it is anything else.
local function parse_writers(text, from, now)
  local writers = {}
  for at = from, #text, 35 do
    local token, deadline = string.match(string.sub(text, at, at + 34), WRITER)
    if not token then return nil end
    if tonumber(deadline) > now then writers[#writers + 1] = { token, tonumber(deadline) } end
  end
  return writers
end

local function find_writer(writers, token)
  for index, writer in ipairs(writers) do
    if writer[1] == token then return index end
  end
end

local function join(writers, token, deadline)
  writers[find_writer(writers, token) or #writers + 1] = { token, math.min(deadline, LAST_DEADLINE) }
end

local function leave(writers, token)
  local index = find_writer(writers, token)
  if index then table.remove(writers, index) end
  return index ~= nil
end

local function last_deadline(writers)
  local last = 0
  for _, writer in ipairs(writers) do last = math.max(last, writer[2]) end
  return last
end

local function format_writers(writers)
  local parts = {}
  for index, writer in ipairs(writers) do parts[index] = string.format('%s%013.0f', writer[1], writer[2]) end
  return table.concat(parts)
end
