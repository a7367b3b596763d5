-- flags: 
-- include: text schedules
-- Makes the schedules of one owner those that it declares. A pause made at run time stays; a schedule of the same name that nobody
-- owns is taken over; one of another owner is refused.
--   ARGV  owner, number of definitions, the definitions
-- Returns {added, edited, removed}: names; {'refused', names}, and nothing has changed.

local owner, count = ARGV[1], tonumber(ARGV[2])
local declared, wanted, refused = {}, {}, {}
local at = 3
for n = 1, count do
  declared[n], at = read_definition(at)
  local d = declared[n]
  local field = name_field(d.tenant ~= '' and d.tenant or nil, d.name)
  wanted[field] = true
  local id = call('HGET', P .. 'sn', field)
  if id then
    d.found = read_schedule(id)
    if d.found.owner and d.found.owner ~= owner then refused[#refused + 1] = d.name end
  end
end
if #refused > 0 then return { 'refused', refused } end

local added, edited, removed = {}, {}, {}
for _, d in ipairs(declared) do
  local s, name = d.found, d.name
  d.found = nil
  if s == nil then
    add_schedule(d, owner)
    added[#added + 1] = name
  else
    local is_same_time = s.times == d.times
    local is_same = is_same_time and s.def == d.def and s.tmpl == d.tmpl
    if not (s.owner == owner and is_same) then
      if is_same_time then d.next, d.rule = nil, nil end
      replace_schedule(s, d)
      set_schedule(s, { owner = owner })
      edited[#edited + 1] = name
    end
  end
end
for _, id in ipairs(call('ZRANGE', P .. 'sa', 0, -1)) do
  local s = read_schedule(id)
  if s.owner == owner and not wanted[name_field(s.tenant, s.name)] then
    remove_schedule(s)
    removed[#removed + 1] = s.name
  end
end
if #added + #edited > 0 then wake('s') end
return { added, edited, removed }
