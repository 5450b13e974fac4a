-- A bucket is the moment at which it will be full: in microseconds since 2026, so that a double has room for sixteenths.
local function now_us()
  local time = redis.call('TIME')
  return (time[1] - 1767225600) * 1000000 + time[2]
end

-- How much it lacks: never more than its capacity, whatever a stranger or another clock has left there.
local function missing_us(key, capacity_us, now)
  local full_at = tonumber(redis.call('GET', key))
  if not full_at or not (full_at > now) then return 0 end
  return math.min(full_at - now, capacity_us)
end

local function to_steps(us)
  return math.ceil(us * 16)
end
