-- Pausing. A pause is an entry of the hash ps, by its scope: packed {id, type, gk, tn, reason, by, at, till, over}; of the scope and of
-- the rest what there is not is absent. Nothing is looked through when one begins: a claim that meets a paused job takes it out of the
-- ready order, into lane p, so that a million of them at the head cost each claim a bounded part, once. The same is done by lot when the
-- pause ends; its entry stays till the last of its jobs is back.
--   pp:<pause>  set of the places of its jobs, `pz` of a job is its pause
-- A paused job keeps its place in its group (`hp`) where nothing of the group could use it, and where order is the promise (queues); with
-- a pause by type it gives its place to jobs of other types.

local function pause_field(p)
  return (p.type or '') .. '\29' .. (p.gk or '') .. '\29' .. (p.tn or '')
end

local function is_in_force(p)
  return not p.over and (p.till == nil or p.till > now)
end

-- Every entry, oldest first.
local function read_pauses()
  local pauses = {}
  for n, packed in ipairs(call('HVALS', P .. 'ps')) do pauses[n] = cmsgpack.unpack(packed) end
  table.sort(pauses, function(a, b) return a.id < b.id end)
  return pauses
end

local function covers(p, j)
  return (p.type == nil or p.type == j.n) and (p.gk == nil or p.gk == j.gk) and (p.tn == nil or p.tn == j.tn)
end

-- The pause of a job, under one that covers its whole group if there is one; nil for none.
local function pause_of(pauses, j)
  local found = nil
  for _, p in ipairs(pauses) do
    if is_in_force(p) and covers(p, j) and (found == nil or (found.type ~= nil and p.type == nil)) then found = p end
  end
  return found
end

-- Puts a ready job aside; whether it left a place in its group.
local function park(j, p)
  leave(j)
  local keeps = j.gk ~= nil and (p.type == nil or is_queue(j.gk))
  set_fields(j, { l = 'p', pz = p.id, hp = keeps and '1' or false })
  enter(j, 'p')
  if j.gk and not keeps then
    leave_group(j.gk)
    return true
  end
  return false
end

-- Gives back jobs of pauses that are over, oldest first, at most 1,000 a call. Returns whether more are left.
local function release_paused()
  local room = 1000
  for _, p in ipairs(read_pauses()) do
    if not is_in_force(p) then
      local set = 'pp:' .. whole(p.id)
      local places = numbers_from(set, 0, room)
      for _, place in ipairs(places) do
        local j = read_job(whole(place)) or read_job(call('HGET', P .. 'places', whole(place)))
        leave(j)
        -- Back to where it was; in a group that went on without it, to where it was added.
        local lane = ready_lane(j, j.hp ~= nil)
        local fields = { l = lane, pz = false, hp = false }
        if lane == 'g' then fields.s = false end
        set_fields(j, fields)
        enter(j, lane)
        release(priority(j))
      end
      room = room - #places
      if room <= 0 then return true end
      call('HDEL', P .. 'ps', pause_field(p))
    end
  end
  return false
end

-- Pauses that hold now, of a job or all, oldest first: {type, group key, tenant, reason, by, since, until} of each, '' for what there is
-- not.
local function list_pauses(j)
  local rows = {}
  for _, p in ipairs(read_pauses()) do
    if is_in_force(p) and (j == nil or covers(p, j)) then
      rows[#rows + 1] = {
        p.type or '', p.gk or '', p.tn or '', p.reason or '', p.by or '', whole(p.at), p.till and whole(p.till) or '',
      }
    end
  end
  return rows
end

-- Milliseconds until the next pause ends by itself; nil for never.
local function pauses_end()
  local first = nil
  for _, p in ipairs(read_pauses()) do
    if is_in_force(p) and p.till and (first == nil or p.till - now < first) then first = p.till - now end
  end
  return first
end

-- What a claim needs to leave out paused jobs: it calls `meets` with each that it finds.
--   room  how many it may still put aside; `is_full` once it met one more, `has_left` when one left a place in its group
local function passing()
  local state = { room = 1000, is_full = false, has_left = false }
  local pauses = read_pauses()
  state.meets = function(j)
    local p = pause_of(pauses, j)
    if p == nil then return false end
    if state.room <= 0 then
      state.is_full = true
    else
      state.room = state.room - 1
      if park(j, p) then state.has_left = true end
    end
    return true
  end
  return state
end
