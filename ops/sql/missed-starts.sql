-- When: a backup that a schedule should have started is not there.
-- Shows: starts of the last day that became no backup, with the reason; DUE: its time is over for
-- two minutes and no server has taken it, so none runs, or none reaches this database. PAUSED: its
-- schedule fires no more until it is resumed; scheduled_at is the start that it waits at.
SELECT f.vm_name, f.scheduled_at, f.outcome, f.reason, f.backup_id
FROM fires f CROSS JOIN utc_clock c
WHERE f.scheduled_at >= TIMESTAMPADD(DAY, -1, c.now_utc)
  AND (f.outcome IN ('SKIPPED', 'FAILED')
    OR f.outcome = 'PENDING' AND f.fired_at < TIMESTAMPADD(MINUTE, -2, c.now_utc))
UNION ALL
SELECT d.vm_name, d.due, d.outcome, NULL, NULL
FROM utc_clock c CROSS JOIN (
  SELECT s.vm_name,
    TIMESTAMPADD(SECOND, MOD(FLOOR(t.NEXT_FIRE_TIME / 1000), 60),
      TIMESTAMPADD(MINUTE, FLOOR(t.NEXT_FIRE_TIME / 60000),
        TIMESTAMP '1970-01-01 00:00:00')) AS due,
    CASE WHEN t.TRIGGER_STATE = 'PAUSED' THEN 'PAUSED' ELSE 'DUE' END AS outcome
  FROM schedules s JOIN QRTZ_TRIGGERS t
    ON t.TRIGGER_GROUP = 'schedule' AND t.TRIGGER_NAME = s.vm_id
  WHERE t.NEXT_FIRE_TIME > 0) d
WHERE d.due < TIMESTAMPADD(MINUTE, -2, c.now_utc)
  AND NOT EXISTS (
    SELECT 1 FROM fires f WHERE f.vm_name = d.vm_name AND f.scheduled_at = d.due)
ORDER BY scheduled_at DESC, vm_name;
