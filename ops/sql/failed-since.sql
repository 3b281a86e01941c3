-- When: in the morning, or after an alert: what failed and nobody has relaunched?
-- Shows: the newest 200 backups that failed in the last seven days with the first error, and which
-- disks did not make it. Of tasks (verifications, prunes, restores and the like) it knows nothing:
-- SELECT id, subject, completed_at, error FROM tasks WHERE status = 'FAILED' ORDER BY completed_at
SELECT b.id AS backup_id, b.execution_id, v.name AS vm_name, b.completed_at AS failed_at, b.origin,
  b.attempts, b.error, d.disk_id, d.status AS disk_status, d.error AS disk_error
FROM (
  SELECT f.id
  FROM utc_clock c
    JOIN backups f ON f.status = 'FAILED' AND f.completed_at >= TIMESTAMPADD(DAY, -7, c.now_utc)
  ORDER BY f.completed_at DESC, f.id DESC LIMIT 200) t
  JOIN backups b ON b.id = t.id
  JOIN vms v ON v.id = b.vm_id
  LEFT JOIN backup_disks d ON d.backup_id = b.id AND d.status <> 'COMPLETED'
ORDER BY b.completed_at DESC, b.id DESC, d.disk_id;
