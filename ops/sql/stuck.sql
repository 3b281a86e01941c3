-- When: a backup of a VM is refused as busy, or a backup or task shows no progress, and nothing seems
-- to run it.
-- Shows: executions that Spring Batch calls running, or whose end it does not know, and backups and
-- tasks called RUNNING, none of which has a process with a living lease. A process that died less
-- than its lease ago is not shown yet.
SELECT r.execution_id, r.batch_status, r.started_local, r.backup_id, r.task_id, r.status,
  l.host, l.process_id, l.expires_at AS lease_ended_at
FROM (
    SELECT e.JOB_EXECUTION_ID AS execution_id, e.STATUS AS batch_status,
      e.START_TIME AS started_local, b.id AS backup_id, t.id AS task_id,
      COALESCE(b.status, t.status) AS status,
      COALESCE(b.lease_token, t.lease_token) AS lease_token
    FROM BATCH_JOB_EXECUTION e
      LEFT JOIN backups b ON b.execution_id = e.JOB_EXECUTION_ID
      LEFT JOIN tasks t ON t.execution_id = e.JOB_EXECUTION_ID
    WHERE e.STATUS IN ('STARTING', 'STARTED', 'STOPPING', 'UNKNOWN')
      -- One that begins just now has a backup or task that runs and does not know of it yet.
      AND (b.id IS NOT NULL OR t.id IS NOT NULL OR e.STATUS = 'UNKNOWN' OR NOT EXISTS (
        SELECT 1 FROM BATCH_JOB_EXECUTION_PARAMS p
          LEFT JOIN backups pb ON pb.id = p.PARAMETER_VALUE AND pb.status = 'RUNNING'
          LEFT JOIN tasks pt ON pt.id = p.PARAMETER_VALUE AND pt.status = 'RUNNING'
        WHERE p.JOB_EXECUTION_ID = e.JOB_EXECUTION_ID
          AND (pb.id IS NOT NULL OR pt.id IS NOT NULL)))
    UNION ALL
    SELECT b.execution_id, NULL, NULL, b.id, NULL, b.status, b.lease_token
    FROM backups b
    WHERE b.status = 'RUNNING' AND b.mover = 'INTERNAL'
      AND NOT EXISTS (
        SELECT 1 FROM BATCH_JOB_EXECUTION e
        WHERE e.JOB_EXECUTION_ID = b.execution_id
          AND e.STATUS IN ('STARTING', 'STARTED', 'STOPPING', 'UNKNOWN'))
    UNION ALL
    SELECT t.execution_id, NULL, NULL, NULL, t.id, t.status, t.lease_token
    FROM tasks t
    WHERE t.status = 'RUNNING'
      AND NOT EXISTS (
        SELECT 1 FROM BATCH_JOB_EXECUTION e
        WHERE e.JOB_EXECUTION_ID = t.execution_id
          AND e.STATUS IN ('STARTING', 'STARTED', 'STOPPING', 'UNKNOWN'))) r
  CROSS JOIN utc_clock c
  LEFT JOIN leases l ON l.token = r.lease_token
WHERE r.batch_status = 'UNKNOWN' OR l.token IS NULL OR l.expires_at <= c.now_utc
ORDER BY execution_id;
