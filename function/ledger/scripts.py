"""The atomic steps of the shared ledger, as Lua scripts: Redis runs each without interruption.

KEYS[1] is the hash of the project's calls (id → JSON), the others are claims (token of their
owner). Every key expires. Times are milliseconds; the clock of claims and expiries is that of the
server, so that the clocks of copies do not matter.
"""

from __future__ import annotations

_COMMON = """
local calls_key, token = KEYS[1], ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function owned()
  for i = 2, #KEYS do
    if redis.call('GET', KEYS[i]) ~= token then return false end
  end
  return true
end

local function put(call)
  redis.call('HSET', calls_key, call.id, cjson.encode(call))
  redis.call('PEXPIRE', calls_key, tonumber(ARGV[2]))
end

local function each(ids, change)
  for _, id in ipairs(ids) do
    local text = redis.call('HGET', calls_key, id)
    if text then
      local call = cjson.decode(text)
      change(call)
      if call.shown and call.over then redis.call('HDEL', calls_key, id) else put(call) end
    end
  end
end

local function learn(changes)
  each(changes.restarting, function(call)
    call.accepted, call.restarting_at, call.expires = true, now, now + changes.keep
  end)
  each(changes.accepted, function(call)
    call.accepted, call.sent_at = true, changes.sent_at[call.id]
    call.expires = now + changes.keep
  end)
  each(changes.shown, function(call) call.shown = true end)
  each(changes.over, function(call) call.over = true end)
  for _, id in ipairs(changes.dropped) do redis.call('HDEL', calls_key, id) end
end

local function remembered()
  local calls = {}
  for _, text in ipairs(redis.call('HVALS', calls_key)) do
    local call = cjson.decode(text)
    if call.expires > now then
      calls[#calls + 1] = text
    end
  end
  return calls
end
"""

# Returns {1, moment, calls} or {0}. All claims or none: no event waits while holding claims.
CLAIM = (
    _COMMON
    + """
for i = 2, #KEYS do
  local owner = redis.call('GET', KEYS[i])
  if owner and owner ~= token then return {0} end
end
for i = 2, #KEYS do redis.call('SET', KEYS[i], token, 'PX', tonumber(ARGV[3])) end
return {1, now, remembered()}
"""
)

# Returns {1}, or {0, calls} where there is no room, or {-1} where the claim was lost, {-2} if full.
ENTER = (
    _COMMON
    + """
if not owned() then return {-1} end
learn(cjson.decode(ARGV[3]))
local entered, room = cjson.decode(ARGV[4]), cjson.decode(ARGV[5])
local counted, number = {}, 0
local function count(instance)
  if not counted[instance] then counted[instance], number = true, number + 1 end
end
for _, call in ipairs(entered) do count(call.target) end
for _, instance in ipairs(room.restarting) do count(instance) end
for _, text in ipairs(redis.call('HVALS', calls_key)) do
  local call = cjson.decode(text)
  if call.expires <= now then
    redis.call('HDEL', calls_key, call.id)
  elseif call.restart and not call.over and call.sent_at > room.underway_since then
    count(call.target)
  end
end
if room.limit >= 0 and number > room.limit then return {0, remembered()} end
if redis.call('HLEN', calls_key) + #entered > tonumber(ARGV[6]) then return {-2} end
for _, call in ipairs(entered) do
  call.expires = now + call.keep
  put(call)
end
return {1}
"""
)

# Claims are given up first: DEL is allowed where memory is full, and makes the rest be, too.
RELEASE = (
    _COMMON
    + """
for i = 2, #KEYS do
  if redis.call('GET', KEYS[i]) == token then redis.call('DEL', KEYS[i]) end
end
learn(cjson.decode(ARGV[3]))
return {1}
"""
)

READ = _COMMON + "return {1, now, remembered()}"
