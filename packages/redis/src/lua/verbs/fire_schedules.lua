-- flags: 
-- include: text trail lanes groups complete ends dependencies insert schedules schedules_due
-- Deals with due ticks: adds their jobs, or notes why not, and moves each schedule on, all at once.
--   ARGV  for each: id, revision, the next tick that was read, others are left out (1), the tick after ('' none), number of ticks; of
--         each tick its time, period ('' none) and delay in ms
-- An entry whose schedule was fired, edited or paused since it was read has no effect.
-- Returns {id and type of each job added, how many schedules moved on, ms to the next tick or ''}.

local added, moved = {}, 0
local at = 1
while at <= #ARGV do
  local s = read_schedule(ARGV[at])
  local count = tonumber(ARGV[at + 5])
  local is_due = s and s.status == 'a' and s.revision == ARGV[at + 1] and s.next == ARGV[at + 2] and tonumber(s.next) <= now
  if is_due then
    moved = moved + 1
    local fields = { next = ARGV[at + 4], updated = now }
    local is_free = s.overlap == '1' or not (s.lastJob and has_number('live', s.lastJob))
    if ARGV[at + 3] == '1' then fields.lastSkippedAt, fields.lastSkip = now, 'm' end
    local last_tick = tonumber(s.lastTick or nil)
    local last_period = s.lastPeriod
    for n = at + 6, at + 5 + 3 * count, 3 do
      local tick, period, delay = ARGV[n], ARGV[n + 1], tonumber(ARGV[n + 2])
      local outcome = 'j'
      if period ~= '' and last_period and period <= last_period then outcome = 'p' elseif not is_free then outcome = 'o' end
      local id = outcome == 'j' and whole(next_seq()) or nil
      if note_tick(s, tick, outcome, id) then
        if last_tick == nil or tonumber(tick) > last_tick then last_tick = tonumber(tick) end
        if outcome == 'j' then
          is_free = s.overlap == '1'
          added[#added + 1] = id
          added[#added + 1] = add_scheduled(s, id, tick, delay, false)
          fields.lastJob, fields.lastEnqueued = id, now
          if period ~= '' then last_period = period end
        else
          fields.lastSkippedAt, fields.lastSkip = now, outcome
        end
      end
    end
    if last_tick then fields.lastTick = last_tick end
    if last_period then fields.lastPeriod = last_period end
    set_schedule(s, fields)
  end
  at = at + 6 + 3 * count
end
tell_sleepers()
return { added, moved, schedules_due() }
