-- A bucket is a key that lives until it is full. Of one whose tokens are worth whole milliseconds that is all, and its
-- value is empty. Otherwise the value is the moment at which it will be full, in microseconds since 2026: so that a
-- double has room for sixteenths.
local function now_us()
  local time = redis.call('TIME')
  return (time[1] - 1767225600) * 1000000 + time[2]
end

-- How much it lacks: never more than its capacity, whatever its limit was before. A string that does not expire is no
-- bucket.
local function missing_us(key, capacity_us, now)
  local value = redis.call('GET', key)
  local missing_ms = redis.call('PTTL', key)
  if missing_ms <= 0 then return 0 end
  local full_at = tonumber(value)
  if not full_at then return math.min(missing_ms * 1000, capacity_us) end
  return full_at > now and math.min(full_at - now, capacity_us) or 0
end

local function to_steps(us)
  return math.ceil(us * 16)
end
