-- Changes as edit.lua and edit_many.lua take them, from a position in ARGV on.
local function read_changes(at)
  local changes = {}
  for n = at, #ARGV, 3 do
    local name = ARGV[n]
    if name == 'run' then changes.run = ARGV[n + 1] == '1' and tonumber(ARGV[n + 2]) or true
    elseif ARGV[n + 1] == '1' then changes[name] = ARGV[n + 2]
    else changes[name] = false end
  end
  return changes
end

-- Whether they can make a job ready earlier than it was.
local function wakes(changes)
  return changes.run ~= nil or changes.y ~= nil or changes.tg ~= nil
end

local function is_upcoming(id)
  local f = call('HMGET', job_key(id), 'l', 'na', 'wu', 'wk')
  return f[1] and f[1] ~= 'x' and f[1] ~= 'k' and f[1] ~= 'f' and f[1] ~= 'c' and not f[2] and not f[3] and not f[4]
end
