-- When: something was deleted, stopped or changed, and nobody says who it was.
-- Shows: the newest 200 requests and commands of the last seven days that may have changed
-- something: token or user, address, and what was answered. No result: its process was killed
-- before the answer, or it is under way.
SELECT a.at, a.who, a.remote_address, a.action, a.result
FROM utc_clock c JOIN audit a ON a.at >= TIMESTAMPADD(DAY, -7, c.now_utc)
ORDER BY a.at DESC, a.id DESC LIMIT 200;
