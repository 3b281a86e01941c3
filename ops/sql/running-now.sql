-- When: is it still working, and when will it be done?
-- Shows: each disk of each backup that runs, its rate since its last start, the seconds left at that
-- rate, and which disk will be the last one. A disk that is PENDING waits for its turn.
SELECT t.*,
  CASE WHEN t.seconds_left IS NOT NULL
    AND RANK() OVER (PARTITION BY t.backup_id ORDER BY t.seconds_left DESC) = 1
    THEN 'slowest' ELSE '' END AS note
FROM (
  SELECT r.*, CEILING((r.bytes_total - r.bytes_read) * 1.0 / r.bytes_per_second) AS seconds_left
  FROM (
    SELECT j.backup_id, b.execution_id, j.vm_name, j.disk_id, d.disk_key, j.status, j.backup_type,
      d.reason, d.bytes_read, d.bytes_total,
      NULLIF(ROUND((d.bytes_read - d.bytes_before) * 1.0 /
        NULLIF(TIMESTAMPDIFF(SECOND, COALESCE(d.resumed_at, d.started_at),
          COALESCE(d.completed_at, c.now_utc)), 0)), 0) AS bytes_per_second,
      l.host, l.process_id, l.expires_at AS lease_until
    FROM backups b
      JOIN backup_jobs j ON j.backup_id = b.id
      JOIN backup_disks d ON d.id = j.id
      LEFT JOIN leases l ON l.token = b.lease_token
      CROSS JOIN utc_clock c
    WHERE b.status = 'RUNNING') r) t
ORDER BY t.backup_id, t.disk_id;
