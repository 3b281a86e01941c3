-- When: the repository grows, or a night took long: what was copied whole, and why?
-- Shows: the newest 200 full copies of the last 30 days with reason and cause.
SELECT j.completed_at, j.vm_name, j.disk_id, d.reason, d.cause, d.bytes_stored, j.id, j.backup_id
FROM (
  SELECT d.id
  FROM backup_disks d
  WHERE d.level = 'full' AND d.status = 'COMPLETED'
    AND d.completed_at >= (SELECT TIMESTAMPADD(DAY, -30, c.now_utc) FROM utc_clock c)
  ORDER BY d.completed_at DESC, d.id DESC LIMIT 200) t
  JOIN backup_disks d ON d.id = t.id
  JOIN backup_jobs j ON j.id = t.id
ORDER BY j.completed_at DESC, j.id DESC;
