-- When: is a disk, a source host or the repository getting slower from week to week?
-- Edit: the VM's name.
-- Shows: for each disk of the VM and each of the last 30 days, what was read and how fast.
SELECT t.disk_id, t.completed_on, COUNT(*) AS disk_backups, SUM(t.bytes_read) AS bytes_read,
  SUM(t.ran_seconds) AS ran_seconds,
  ROUND(SUM(t.bytes_read) * 1.0 / NULLIF(SUM(t.ran_seconds), 0)) AS bytes_per_second
FROM (
  SELECT j.disk_id, CAST(j.completed_at AS DATE) AS completed_on,
    d.bytes_read - d.bytes_before AS bytes_read,
    TIMESTAMPDIFF(SECOND, COALESCE(d.resumed_at, d.started_at), d.completed_at) AS ran_seconds
  FROM utc_clock c
    JOIN vms v ON v.name = 'pgtest1'
    JOIN backup_disks d ON d.vm_id = v.id
      AND d.completed_at >= TIMESTAMPADD(DAY, -30, c.now_utc)
    JOIN backup_jobs j ON j.id = d.id
  WHERE j.status = 'COMPLETED') t
GROUP BY t.disk_id, t.completed_on
ORDER BY t.disk_id, t.completed_on DESC;
