-- When: the night is too short: which backups take the time?
-- Shows: the 50 longest of the last seven days, with what each of them read. ran_seconds is the
-- last execution only; one that was relaunched took longer in all.
SELECT t.ran_seconds, b.id AS backup_id, b.execution_id, v.name AS vm_name, b.status, b.attempts,
  b.created_at, b.completed_at,
  (SELECT SUM(d.bytes_read) FROM backup_disks d WHERE d.backup_id = b.id) AS bytes_read
FROM (
  SELECT b.id, b.ran_seconds
  FROM utc_clock c JOIN backups b ON b.created_at >= TIMESTAMPADD(DAY, -7, c.now_utc)
  WHERE b.ran_seconds IS NOT NULL
  ORDER BY b.ran_seconds DESC, b.id DESC LIMIT 50) t
  JOIN backups b ON b.id = t.id
  JOIN vms v ON v.id = b.vm_id
ORDER BY t.ran_seconds DESC, b.id DESC;
