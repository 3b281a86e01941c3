-- When: which step of a backup failed, how often was it relaunched, how long did each disk take?
-- Edit: the backup's id.
-- Shows: every execution of the backup with its steps, as Spring Batch keeps them. A disk's step is
-- called disk:disk-<disk id>.snapshot-<number>. Times are local ones of the host that ran it.
SELECT e.JOB_EXECUTION_ID AS execution_id, e.STATUS AS execution_status, s.STEP_NAME AS step_name,
  s.STATUS AS step_status, s.START_TIME AS started_local, s.END_TIME AS ended_local,
  TIMESTAMPDIFF(SECOND, s.START_TIME, s.END_TIME) AS ran_seconds, s.COMMIT_COUNT AS chunks,
  s.ROLLBACK_COUNT AS rollbacks, s.EXIT_CODE AS exit_code, s.EXIT_MESSAGE AS exit_message
FROM backups b
  JOIN BATCH_JOB_EXECUTION last ON last.JOB_EXECUTION_ID = b.execution_id
  JOIN BATCH_JOB_EXECUTION e ON e.JOB_INSTANCE_ID = last.JOB_INSTANCE_ID
  JOIN BATCH_STEP_EXECUTION s ON s.JOB_EXECUTION_ID = e.JOB_EXECUTION_ID
WHERE b.id = 'backup-pgtest1-20261123-010000'
ORDER BY e.JOB_EXECUTION_ID, s.STEP_EXECUTION_ID;
