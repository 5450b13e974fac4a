-- The members of an owner are a sorted set; a score is when the member's time is over, in ms since 1970.
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function prune(key, now)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
end
