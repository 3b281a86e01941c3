-- When: a backup of a VM is refused as busy, or shows no progress, and nothing seems to run it.
-- Shows: executions that Spring Batch calls running, or whose end it does not know, and backups
-- called RUNNING, none of which has a process with a living lease. A process that died less than
-- its lease ago is not shown yet.
SELECT e.JOB_EXECUTION_ID AS execution_id, e.STATUS AS batch_status, e.START_TIME AS started_local,
  b.id AS backup_id, b.status AS backup_status, l.host, l.process_id, l.expires_at AS lease_ended_at
FROM BATCH_JOB_EXECUTION e
  CROSS JOIN utc_clock c
  LEFT JOIN backups b ON b.execution_id = e.JOB_EXECUTION_ID
  LEFT JOIN leases l ON l.token = b.lease_token
WHERE e.STATUS IN ('STARTING', 'STARTED', 'STOPPING', 'UNKNOWN')
  AND (e.STATUS = 'UNKNOWN' OR l.token IS NULL OR l.expires_at <= c.now_utc)
UNION ALL
SELECT b.execution_id, NULL, NULL, b.id, b.status, l.host, l.process_id, l.expires_at
FROM backups b
  CROSS JOIN utc_clock c
  LEFT JOIN leases l ON l.token = b.lease_token
WHERE b.status = 'RUNNING' AND b.mover = 'INTERNAL'
  AND (l.token IS NULL OR l.expires_at <= c.now_utc)
  AND NOT EXISTS (
    SELECT 1 FROM BATCH_JOB_EXECUTION e
    WHERE e.JOB_EXECUTION_ID = b.execution_id
      AND e.STATUS IN ('STARTING', 'STARTED', 'STOPPING', 'UNKNOWN'))
ORDER BY execution_id;
