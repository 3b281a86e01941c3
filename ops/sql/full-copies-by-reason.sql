-- When: as full-copies.sql, to see first which reason there is to look into. CBT_RESET and the other
-- words are explained in docs/operations.md.
-- Shows: for each reason, how many full copies the last 30 days had, of how many VMs, how large.
SELECT d.reason, COUNT(*) AS disk_backups, COUNT(DISTINCT d.vm_id) AS vms,
  SUM(d.bytes_stored) AS bytes_stored, MAX(d.completed_at) AS newest
FROM (
  SELECT i.id
  FROM backup_disks i
  WHERE i.level = 'full'
    AND i.completed_at >= (SELECT TIMESTAMPADD(DAY, -30, c.now_utc) FROM utc_clock c)) t
  JOIN backup_disks d ON d.id = t.id
WHERE d.status = 'COMPLETED'
GROUP BY d.reason
ORDER BY disk_backups DESC, d.reason;
