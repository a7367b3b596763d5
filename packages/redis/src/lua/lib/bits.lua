-- Sets of numbers that grow: job ids, and places in the ready order. A bit each, in stretches of 1,024: the zset <set> lists the
-- stretches in use, the string b:<stretch>:<set> is a bitmap of one. A million neighbours take 150 kB, where a zset takes 90 MB; a number
-- without neighbours takes about what its entry in a zset would.
-- Changes gather while a script runs, and are written by `flush`: before the set is read, and at the end. Neighbours, which is what
-- batches consist of, take one command.

-- By set, stretch and offset, true to set and false to clear; `marked` is whether there are any.
local marks = {}
local marked = false
-- What lists a set itself while it has members: zset and score.
local listings = {}
-- By worker, jobs that are no longer leased to it; and completions, oldest first.
local unleased = {}
local finished = {}

local function bits_key(set, stretch)
  return P .. 'b:' .. stretch .. ':' .. set
end

local function mark(set, number, on)
  local stretch = math.floor(number / 1024)
  local parts = marks[set]
  if parts == nil then
    parts = {}
    marks[set] = parts
    marked = true
  end
  local part = parts[stretch]
  if part == nil then
    part = {}
    parts[stretch] = part
  end
  part[number - stretch * 1024] = on
end

-- Ones or zeros from one offset to another, as subcommands of BITFIELD.
local function fill(commands, first, last, on)
  while first <= last do
    local width = math.min(last - first + 1, 32)
    local at = #commands
    commands[at + 1] = 'SET'
    commands[at + 2] = 'u' .. width
    commands[at + 3] = first
    commands[at + 4] = on and whole(2 ^ width - 1) or '0'
    first = first + width
  end
end

local function write_bits(key, part)
  local offsets = {}
  for offset in pairs(part) do offsets[#offsets + 1] = offset end
  if #offsets == 1 then
    call('SETBIT', key, offsets[1], part[offsets[1]] and 1 or 0)
    return
  end
  table.sort(offsets)
  local commands = {}
  local first = 1
  for at = 1, #offsets do
    local offset = offsets[at]
    if offsets[at + 1] ~= offset + 1 or part[offset + 1] ~= part[offset] then
      fill(commands, offsets[first], offset, part[offset])
      first = at + 1
    end
  end
  call('BITFIELD', key, unpack(commands))
end

local function write_stretch(set, stretch, part)
  local adds, clears = false, false
  for _, on in pairs(part) do
    if on then adds = true else clears = true end
  end
  local key = bits_key(set, stretch)
  local is_new = adds and call('EXISTS', key) == 0
  write_bits(key, part)
  if is_new then
    call('ZADD', P .. set, stretch, stretch)
    local listing = listings[set]
    if listing then call('ZADD', P .. listing[1], listing[2], listing[2]) end
  end
  if clears and call('BITCOUNT', key) == 0 then
    call('DEL', key)
    call('ZREM', P .. set, stretch)
  end
end

-- Calls a command with a list of values in portions that a call can take.
local function call_with(command, key, values)
  for at = 1, #values, 4000 do call(command, key, unpack(values, at, math.min(at + 3999, #values))) end
end

local function flush()
  if marked then
    for set, parts in pairs(marks) do
      for stretch, part in pairs(parts) do write_stretch(set, whole(stretch), part) end
    end
    marks, marked = {}, false
  end
  for worker, ids in pairs(unleased) do
    call_with('HDEL', P .. 'h:' .. worker, ids)
    unleased[worker] = nil
  end
  if #finished > 0 then
    call_with('RPUSH', P .. 'finished', finished)
    finished = {}
  end
end

local function has_number(set, number)
  flush()
  local stretch = math.floor(number / 1024)
  return call('GETBIT', bits_key(set, whole(stretch)), number - stretch * 1024) == 1
end

local function count_numbers(set)
  flush()
  local count = 0
  for _, stretch in ipairs(call('ZRANGE', P .. set, 0, -1)) do count = count + call('BITCOUNT', bits_key(set, stretch)) end
  return count
end

-- Numbers of a set from `low` on, ascending, at most `count`.
local function numbers_from(set, low, count)
  flush()
  local found = {}
  low = math.max(0, low)
  local from = math.floor(low / 1024)
  while true do
    local stretches = call('ZRANGEBYSCORE', P .. set, whole(from), '+inf', 'LIMIT', 0, 8)
    for _, stretch in ipairs(stretches) do
      local text = call('GET', bits_key(set, stretch))
      local base = stretch * 1024
      local at = string.find(text, '[^%z]', math.floor(math.max(0, low - base) / 8) + 1)
      while at do
        local byte = string.byte(text, at)
        local number = base + at * 8 - 8
        local weight = 128
        while byte > 0 do
          if byte >= weight then
            byte = byte - weight
            if number >= low then
              found[#found + 1] = number
              if #found == count then return found end
            end
          end
          number = number + 1
          weight = weight / 2
        end
        at = string.find(text, '[^%z]', at + 1)
      end
      from = stretch + 1
    end
    if #stretches < 8 then return found end
  end
end

-- Numbers of a set below `high`, descending, at most `count`.
local function numbers_below(set, high, count)
  flush()
  local found = {}
  local from = math.floor((high - 1) / 1024)
  while true do
    local stretches = call('ZREVRANGEBYSCORE', P .. set, whole(from), '-inf', 'LIMIT', 0, 8)
    for _, stretch in ipairs(stretches) do
      local text = call('GET', bits_key(set, stretch))
      local base = stretch * 1024
      for at = math.min(#text, math.floor((high - 1 - base) / 8) + 1), 1, -1 do
        local byte = string.byte(text, at)
        local number = base + at * 8 - 1
        while byte > 0 do
          if byte % 2 == 1 and number < high then
            found[#found + 1] = number
            if #found == count then return found end
          end
          byte = math.floor(byte / 2)
          number = number - 1
        end
      end
      from = stretch - 1
    end
    if #stretches < 8 then return found end
  end
end
