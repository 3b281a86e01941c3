-- When: every day, and before an audit: which VMs could not be restored to a recent moment?
-- Shows: VMs whose newest restore point is older than 26 hours, those without any first, with what
-- became of their newest backup.
SELECT s.vm_name, s.restore_point_at,
  TIMESTAMPDIFF(HOUR, s.restore_point_at, c.now_utc) AS age_hours,
  b.id AS last_backup_id, b.status AS last_status, b.error AS last_error
FROM vm_restore_points s CROSS JOIN utc_clock c
  LEFT JOIN backups b ON b.id = s.last_backup_id
WHERE s.restore_point_at IS NULL OR s.restore_point_at < TIMESTAMPADD(HOUR, -26, c.now_utc)
ORDER BY s.restore_point_at, s.vm_name;
