"""The atomic steps of the shared ledger, as Lua scripts: Redis runs each without interruption.

Every script gets
    KEYS[1]   the calls of the project: a hash of id → JSON
    KEYS[2…]  the claims of the event, one for each target: each holds the token of its owner
    ARGV[1]   the token of the event
    ARGV[2]   what was learned of calls since its last step, as JSON; empty for nothing
and answers with a list that begins with a number. Every key expires. Times are milliseconds. The
clock of claims and expiries is that of the server, so the clocks of copies do not matter.
"""

from __future__ import annotations

_COMMON = """
local calls_key, token, learned = KEYS[1], ARGV[1], ARGV[2]
local seconds, microseconds = unpack(redis.call('TIME'))
local now = seconds * 1000 + math.floor(microseconds / 1000)

-- Change the calls of these ids that are still kept; flags are only ever set.
local function each(ids, change)
  for _, id in ipairs(ids) do
    local text = redis.call('HGET', calls_key, id)
    if text then
      local call = cjson.decode(text)
      change(call)
      if call.shown and call.over then
        redis.call('HDEL', calls_key, id)
      else
        redis.call('HSET', calls_key, id, cjson.encode(call))
      end
    end
  end
end

-- Apply what was learned. It may come twice, or late, with a later step of the same process.
local function learn()
  if learned == '' then return end
  local changes = cjson.decode(learned)
  each(changes.restarting, function(call) call.accepted, call.restarting_at = true, now end)
  each(changes.accepted, function(call)
    call.accepted, call.sent_at = true, changes.sent_at[call.id]
  end)
  each(changes.shown, function(call) call.shown = true end)
  each(changes.over, function(call) call.over = true end)
  for _, id in ipairs(changes.dropped) do redis.call('HDEL', calls_key, id) end
end

-- Return the calls, decoded and as one JSON list; remove those that have expired.
local function remembered()
  local calls, texts = {}, {}
  for _, text in ipairs(redis.call('HVALS', calls_key)) do
    local call = cjson.decode(text)
    if call.expires > now then
      calls[#calls + 1], texts[#texts + 1] = call, text
    else
      redis.call('HDEL', calls_key, call.id)
    end
  end
  return calls, '[' .. table.concat(texts, ',') .. ']'
end
"""

# Claim all targets, or none: no event waits while it holds claims. ARGV[3]: how long they live.
# Answers {1, now, calls}; or {0} where another event holds one of the targets.
CLAIM = (
    _COMMON
    + """
learn()
for i = 2, #KEYS do
  local owner = redis.call('GET', KEYS[i])
  if owner and owner ~= token then return {0} end
end
local _, texts = remembered()  -- first: an entry that is none ends the script here
for i = 2, #KEYS do redis.call('SET', KEYS[i], token, 'PX', ARGV[3]) end
return {1, now, texts}
"""
)

# Enter calls before they are sent, where there is room for them.
# ARGV[3]: the calls as a JSON list, each with how long it is kept; ARGV[4]: how long the hash is.
# ARGV[5]: the limit on restarts at once, below zero for none; the instances that the cloud shows
# restarting; and since when an entry counts as one that restarts. ARGV[6]: the most entries.
# Answers {1}; {0, now, calls} where there is no room; {-1} where a claim was lost; {-2} if full.
ENTER = (
    _COMMON
    + """
learn()
for i = 2, #KEYS do
  if redis.call('GET', KEYS[i]) ~= token then return {-1} end
end
local entered, room = cjson.decode(ARGV[3]), cjson.decode(ARGV[5])
local calls, texts = remembered()

local restarting, number = {}, 0
local function count(instance)
  if not restarting[instance] then restarting[instance], number = true, number + 1 end
end
for _, instance in ipairs(room.restarting) do count(instance) end
for _, call in ipairs(calls) do
  if call.restart and not call.over and call.sent_at > room.underway_since then
    count(call.target)
  end
end
for _, call in ipairs(entered) do count(call.target) end
if room.limit >= 0 and number > room.limit then return {0, now, texts} end

if #calls + #entered > tonumber(ARGV[6]) then return {-2} end
for _, call in ipairs(entered) do
  call.expires = now + call.keep
  redis.call('HSET', calls_key, call.id, cjson.encode(call))
end
redis.call('PEXPIRE', calls_key, ARGV[4])
return {1}
"""
)

# Give the claims up, and keep what was learned at last. Answers {1}.
# Claims go first: DEL is allowed where memory is full, and makes the other commands be, too.
RELEASE = (
    _COMMON
    + """
for i = 2, #KEYS do
  if redis.call('GET', KEYS[i]) == token then redis.call('DEL', KEYS[i]) end
end
learn()
return {1}
"""
)
