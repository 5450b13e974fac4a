-- The members of an owner are a sorted set; a score is when the member's time is over, in ms since 1970.
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- An owner ends with the last of its members.
local function end_with_last(key)
  local last = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')[2]
  if last == 'inf' then
    redis.call('PERSIST', key)
  elseif last then
    redis.call('PEXPIREAT', key, string.format('%.0f', last))
  end
end

local function prune(key, now)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
end
