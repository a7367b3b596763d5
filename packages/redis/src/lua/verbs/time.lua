-- flags: no-writes allow-oom
-- Returns the server's clock in ms.

return whole(now)
