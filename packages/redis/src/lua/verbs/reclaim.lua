-- flags: allow-oom
-- include: text trail lanes groups complete ends dependencies rescue
-- Takes back attempts whose worker is gone. A live worker's job is never taken, however long it runs.
-- Returns how many.

local count = rescue()
tell_sleepers()
return count
