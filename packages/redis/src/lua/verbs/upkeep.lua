-- flags: allow-oom
-- include: lanes groups
-- Forgets what nothing refers to any more, and wakes groups with waiting jobs.

for _, key in ipairs(call('HKEYS', P .. 'gs')) do
  if call('EXISTS', P .. 'gq:' .. key) == 1 then wake_group(key) end
end
return 1
