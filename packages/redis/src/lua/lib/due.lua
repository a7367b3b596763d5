-- Makes due jobs ready, oldest due time first, at most 2,000 a call. Returns how many.
local function promote()
  local due = call('ZRANGEBYSCORE', P .. 'due', '-inf', now, 'LIMIT', 0, 2000)
  for _, id in ipairs(due) do
    local j = read_job(id)
    leave(j)
    if j.un then
      -- A tag barrier is looked at when the job is due.
      set_fields(j, { l = 'd' })
      open_barrier(j)
    else
      local lane = ready_lane(j, j.hp ~= nil)
      set_fields(j, { l = lane, s = next_seq(), hp = false })
      enter(j, lane)
    end
  end
  -- More than one: whoever promotes may not have a slot for all of them.
  if #due > 1 and has_sleepers() then wake('r') end
  return #due
end
