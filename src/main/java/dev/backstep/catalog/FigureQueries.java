package dev.backstep.catalog;

import dev.backstep.domain.Mover;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * Numbers for whoever watches the servers. Costs what the VMs, the queue and the triggers are, not
 * what the history is. Changes nothing. Safe for use by several threads.
 */
public final class FigureQueries {

  private final JdbcClient jdbc;
  private final Leases leases;
  private final IndexOrder order;

  public FigureQueries(DataSource dataSource, Leases leases) {
    this.jdbc = JdbcClient.create(dataSource);
    this.leases = leases;
    this.order = IndexOrder.of(dataSource);
  }

  public Figures read() {
    Instant now = leases.now();
    return new Figures(
        machines(),
        replicas(),
        queue(),
        running(now),
        leases(now, ">"),
        leases(now, "<="),
        damagedImages(),
        RestoreTests.failing(jdbc),
        nextFire(),
        now);
  }

  private List<Figures.Machine> machines() {
    return jdbc.sql(
            """
            select v.name, s.vm_id as scheduled, r.oldest_proof_at, (
                select coalesce(c.snapshot_taken_at, c.created_at) from backups c
                where c.vm_id = v.id and c.status = 'COMPLETED' %s limit 1) as newest
            from vms v left join schedules s on s.vm_id = v.id
              left join verify_rounds r on r.vm_id = v.id
            order by v.name\
            """
                .formatted(order.down("c.vm_id, c.status", "c.completed_at")))
        .query((row, index) ->
            new Figures.Machine(
                row.getString("name"),
                row.getString("scheduled") != null,
                UtcTime.find(row, "newest"),
                UtcTime.find(row, "oldest_proof_at")))
        .list();
  }

  private List<Figures.Replica> replicas() {
    return jdbc.sql(
            """
            select r.vm_path,
              case when count(d.taken_at) = count(*) then min(d.taken_at) else null end as oldest
            from replications r left join replication_disks d on d.replication_id = r.id
            group by r.vm_path order by r.vm_path\
            """)
        .query((row, index) ->
            new Figures.Replica(row.getString("vm_path"), UtcTime.find(row, "oldest")))
        .list();
  }

  private List<Figures.Waiting> queue() {
    return jdbc.sql(
            """
            select start_after, waiting_for from backups where status = 'QUEUED'
            union all
            select start_after, waiting_for from backups
            where start_after > :ever and status in ('FAILED', 'STOPPED')\
            """)
        .param("ever", UtcTime.of(Instant.EPOCH))
        .query((row, index) ->
            new Figures.Waiting(
                UtcTime.find(row, "start_after"),
                Optional.ofNullable(row.getString("waiting_for"))))
        .list();
  }

  private List<Figures.Running> running(Instant now) {
    return jdbc.sql(
            """
            select mover, owned, count(*) as backups
            from (select b.mover,
                case when exists (select 1 from leases l
                  where l.token = b.lease_token and l.expires_at > :now) then 1 else 0 end as owned
              from backups b where b.status = 'RUNNING') r
            group by mover, owned\
            """)
        .param("now", UtcTime.of(now))
        .query((row, index) ->
            new Figures.Running(
                Mover.valueOf(row.getString("mover")),
                row.getInt("owned") == 1,
                row.getLong("backups")))
        .list();
  }

  private long leases(Instant now, String compare) {
    return jdbc.sql("select count(*) from leases where expires_at " + compare + " :now")
        .param("now", UtcTime.of(now))
        .query(Long.class)
        .single();
  }

  private long damagedImages() {
    return jdbc.sql(
            "select count(*) from backup_disks where damaged = :damaged and status = 'COMPLETED'")
        .param("damaged", true)
        .query(Long.class)
        .single();
  }

  /** Quartz keeps times as milliseconds since 1970, and paused triggers in states of their own. */
  private Optional<Instant> nextFire() {
    return jdbc
        .sql(
            """
            select min(NEXT_FIRE_TIME) as fire from QRTZ_TRIGGERS
            where TRIGGER_STATE in ('WAITING', 'ACQUIRED', 'BLOCKED') and NEXT_FIRE_TIME > 0\
            """)
        .query((row, index) -> row.getLong("fire"))
        .list()
        .stream()
        .filter(millis -> millis > 0)
        .map(Instant::ofEpochMilli)
        .findFirst();
  }
}
