-- When: in the morning, or after an alert: what failed and nobody has relaunched?
-- Shows: failed backups of the last seven days with the first error, and which disks did not make it.
SELECT b.id AS backup_id, b.execution_id, v.name AS vm_name, b.completed_at AS failed_at, b.origin,
  b.attempts, b.error, d.disk_id, d.status AS disk_status, d.error AS disk_error
FROM utc_clock c
  JOIN backups b ON b.status = 'FAILED' AND b.completed_at >= TIMESTAMPADD(DAY, -7, c.now_utc)
  JOIN vms v ON v.id = b.vm_id
  LEFT JOIN backup_disks d ON d.backup_id = b.id AND d.status <> 'COMPLETED'
ORDER BY b.completed_at DESC, b.id DESC, d.disk_id;
