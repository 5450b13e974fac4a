-- A bucket is a key that lives until it is full. Of one whose tokens are worth whole milliseconds that is all, and its
-- value is empty. Otherwise the value is the moment at which it will be full, in microseconds since 2026: so that a
-- double has room for sixteenths.
local EPOCH = 1767225600
local function now_us()
  local time = redis.call('TIME')
  return (time[1] - EPOCH) * 1000000 + time[2]
end

-- To the moment, because a lifetime would count from the time at which the script has begun, in whole milliseconds.
local function put(key, full_at)
  redis.call('SET', key, full_at, 'PXAT', string.format('%.0f', math.ceil(full_at / 1000) + EPOCH * 1000))
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
