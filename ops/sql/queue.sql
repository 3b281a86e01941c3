-- When: a backup was asked for, or is due, and does not begin.
-- Shows: what waits for a server, since when, and what for. A line without waiting_for that is due
-- for more than a few seconds means that no server runs, or none that can reach this database.
SELECT b.id AS backup_id, v.name AS vm_name, b.status, b.origin, b.scheduled_at, b.start_after,
  TIMESTAMPDIFF(SECOND, b.start_after, c.now_utc) AS due_for_seconds, b.waiting_for, b.attempts,
  b.retries_left, b.stop_at
FROM utc_clock c
  JOIN backups b ON b.start_after > TIMESTAMPADD(YEAR, -10, c.now_utc)
  JOIN vms v ON v.id = b.vm_id
WHERE b.status IN ('QUEUED', 'FAILED', 'STOPPED')
ORDER BY b.start_after, b.created_at, b.id;
