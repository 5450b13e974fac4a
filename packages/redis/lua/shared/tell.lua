-- For processes that the server does not tell of changes itself; without a channel it does.
local function tell(channel, key)
  if channel ~= '' then redis.call('PUBLISH', channel, key) end
end
