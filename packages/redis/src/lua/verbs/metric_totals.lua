-- flags: no-writes
-- Returns series and values of each; see record_metrics.

return call('HGETALL', P .. 'mt')
