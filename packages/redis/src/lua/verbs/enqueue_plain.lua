-- flags: 
-- alone: yes
-- Adds jobs of one type and priority that are ready at once: without key, tags, group, due time and prerequisites, as most are. It stands
-- alone since to define the shared functions would cost more than such an add. What it stores is what enqueue.lua stores.
--   ARGV  nonce ('' none), notify (1), type, priority, number of jobs; of each: payload, number of values, names and values of its further fields
--         (see lib/base.lua)
-- Returns {last id, sleepers (1/0)}; the ids are consecutive.

local P, call = KEYS[1], redis.call
local nonce, name, level, count = ARGV[1], ARGV[3], ARGV[4], tonumber(ARGV[5])

local clock = call('TIME')
local now = clock[1] .. string.sub('00000' .. clock[2], -6, -4)

local last = call('INCRBY', P .. 'ids', count)
local at = 6
for number = last - count + 1, last do
  local id = string.format('%.0f', number)
  local text, till = ARGV[at], at + 1 + tonumber(ARGV[at + 1])
  local from = at + 2
  at = till + 1
  if nonce ~= '' then
    -- In the place of what was just read: one more list of values would be a table for each job.
    from = from - 2
    ARGV[from], ARGV[from + 1] = 'no', nonce
  end
  -- See is_long of lib/base.lua.
  if #text > 64 then
    call('SET', P .. 'p:' .. id, text)
    call('HSET', P .. 'j:' .. id, 'n', name, 'c', now, 'l', 'r', unpack(ARGV, from, till))
  else
    call('HSET', P .. 'j:' .. id, 'n', name, 'p', text, 'c', now, 'l', 'r', unpack(ARGV, from, till))
  end
end

-- The sets that lib/bits.lua describes.
local ready, typed = 'r:' .. level, 'rt:' .. level .. ':' .. name
local first = last - count + 1
while first <= last do
  local stretch = math.floor(first / 1024)
  local from = first - stretch * 1024
  local till = math.min(last - stretch * 1024, 1023)
  stretch = string.format('%.0f', stretch)
  local fill = nil
  if from ~= till then
    fill = {}
    for offset = from, till, 32 do
      local width = math.min(till - offset + 1, 32)
      local n = #fill
      fill[n + 1], fill[n + 2], fill[n + 3], fill[n + 4] = 'SET', 'u' .. width, offset, string.format('%.0f', 2 ^ width - 1)
    end
  end
  for _, set in ipairs({ 'live', ready, typed }) do
    local key = P .. 'b:' .. stretch .. ':' .. set
    if call('EXISTS', key) == 0 then
      call('ZADD', P .. set, stretch, stretch)
      if set == ready then call('ZADD', P .. 'rl', level, level) end
      if set == typed then call('ZADD', P .. 'tl:' .. name, level, level) end
    end
    if fill then call('BITFIELD', key, unpack(fill)) else call('SETBIT', key, from, 1) end
  end
  first = first - from + 1024
end

local sleepers = call('ZCOUNT', P .. 'ws', '(' .. now, '+inf') > 0
if sleepers and ARGV[2] == '1' then
  call('PUBLISH', P .. 'wake', 'r' .. level)
  sleepers = false
end
return { last, sleepers and 1 or 0 }
