-- flags: no-writes
-- include:
-- A token's fields; none when there is no such token.
--   ARGV  token id

return call('HGETALL', P .. 'wp:' .. ARGV[1])
