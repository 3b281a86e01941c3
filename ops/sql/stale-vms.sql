-- When: every day, and before an audit: which VMs could not be restored to a recent moment?
-- Shows: VMs whose newest restore point is older than 26 hours, those without any first, with what
-- became of their newest backup.
SELECT s.name AS vm_name, s.restore_point_at,
  TIMESTAMPDIFF(HOUR, s.restore_point_at, s.now_utc) AS age_hours,
  b.id AS last_backup_id, b.status AS last_status, b.error AS last_error
FROM (
  SELECT v.id, v.name, c.now_utc, (
    SELECT COALESCE(p.snapshot_taken_at, p.created_at) FROM backups p
    WHERE p.vm_id = v.id AND p.status = 'COMPLETED'
    ORDER BY p.completed_at DESC LIMIT 1) AS restore_point_at
  FROM vms v CROSS JOIN utc_clock c) s
  LEFT JOIN backups b ON b.id = (
    SELECT n.id FROM backups n WHERE n.vm_id = s.id
    ORDER BY n.created_at DESC, n.id DESC LIMIT 1)
WHERE s.restore_point_at IS NULL OR s.restore_point_at < TIMESTAMPADD(HOUR, -26, s.now_utc)
ORDER BY s.restore_point_at, s.name;
