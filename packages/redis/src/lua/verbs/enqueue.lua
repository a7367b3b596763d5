-- flags: 
-- include: lanes complete insert add
-- rest: text groups trail ends dependencies change keys add_after
-- Adds jobs: all or none.
--   ARGV  nonce ('' none), notify (1), forgets completed (1), number of jobs, the jobs (see lib/add.lua)
-- Returns {ids, created flags, sleepers (1/0)}; {'missing', ids} when a prerequisite does not exist: then nothing was added.
-- Invariant: everything that can be refused is refused before the first write.

local nonce, wants_notify, forgets = ARGV[1], ARGV[2] == '1', ARGV[3] == '1'
local jobs, _, needs_rest = read_jobs(5, tonumber(ARGV[4]))
local missing = needs_rest and missing_of(jobs, forgets) or {}
if #missing > 0 then return { 'missing', missing } end
if nonce ~= '' then
  for _, j in ipairs(jobs) do j.no = nonce end
end
local ids, created, levels = add_batch(jobs)

local sleepers = has_sleepers()
if sleepers and wants_notify then
  local list = {}
  for level in pairs(levels) do list[#list + 1] = level end
  if #list > 0 or has_released then wake(#list <= 50 and not has_released and 'r' .. table.concat(list, ',') or 'r') end
  sleepers = false
end
return { ids, created, sleepers and 1 or 0 }
