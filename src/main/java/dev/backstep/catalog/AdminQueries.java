package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.Mover;
import dev.backstep.domain.Origin;
import dev.backstep.domain.Reason;
import dev.backstep.domain.Status;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * What administrators ask: what runs and how fast, what failed or hangs, what took long, what is
 * not protected. Each answer costs the same however long the history is. Changes nothing. Safe for
 * use by several threads.
 *
 * <p>A page request whose {@code after} is none that a page has given is an {@link
 * IllegalArgumentException}, in every method.
 */
public final class AdminQueries {

  /** How the database is told that a VM has no restore point. */
  private static final Instant NEVER = Instant.EPOCH;

  /**
   * So many backups are sorted by how long they took; of more, those that took longest are looked
   * up until a page is full.
   */
  private static final int SORTED_MAX = 2000;

  private final JdbcClient jdbc;
  private final Leases leases;
  private final IndexOrder order;
  private final DiskRunQueries disks;

  public AdminQueries(DataSource dataSource, Leases leases) {
    this.jdbc = JdbcClient.create(dataSource);
    this.leases = leases;
    this.order = IndexOrder.of(dataSource);
    this.disks = new DiskRunQueries(jdbc, order);
  }

  /** What runs now, the oldest first; with it what only seems to, see {@link #stuck}. */
  public List<RunningBackup> running() {
    List<RunningBackup> backups =
        jdbc.sql(
                """
                select b.id, b.execution_id, b.mover, b.created_at, b.lease_token,
                  v.name as vm_name, l.host, l.process_id
                from backups b join vms v on v.id = b.vm_id
                  left join leases l on l.token = b.lease_token
                where b.status = 'RUNNING' order by b.created_at, b.id\
                """)
            .query((row, index) -> running(row))
            .list();
    if (backups.isEmpty()) {
      return backups;
    }
    Map<BackupId, List<DiskRun>> byBackup =
        disks.of(backups.stream().map(backup -> backup.id().value()).toList()).stream()
            .collect(Collectors.groupingBy(run -> run.disk().backupId()));
    return backups.stream()
        .map(backup ->
            new RunningBackup(
                backup.id(),
                backup.vmName(),
                backup.executionId(),
                backup.mover(),
                backup.createdAt(),
                backup.host(),
                backup.processId(),
                backup.ownerAlive(),
                byBackup.getOrDefault(backup.id(), List.of())))
        .toList();
  }

  private RunningBackup running(ResultSet row) throws SQLException {
    OptionalLong lease = number(row, "lease_token");
    return new RunningBackup(
        new BackupId(row.getString("id")),
        row.getString("vm_name"),
        number(row, "execution_id"),
        Mover.valueOf(row.getString("mover")),
        UtcTime.read(row, "created_at"),
        Optional.ofNullable(row.getString("host")),
        number(row, "process_id"),
        lease.isPresent() && leases.alive(lease.getAsLong()),
        List.of());
  }

  /** Backups that failed and were not relaunched since, the one that failed last first. */
  public Page<BackupExecution> failed(Instant since, PageRequest request) {
    Optional<Cursor> after = Cursor.of(request);
    List<BackupExecution> rows =
        jdbc.sql(
                """
                select b.*, v.name as vm_name
                from (select * from backups
                  where status = 'FAILED' and completed_at >= :since %s
                  %s limit :limit) b
                join vms v on v.id = b.vm_id
                order by b.completed_at desc, b.id desc\
                """
                    .formatted(
                        after.isPresent()
                            ? "and completed_at <= :at and (completed_at < :at or id < :id)"
                            : "",
                        order.down("status", "completed_at, id")))
            .param("since", UtcTime.of(since))
            .param("at", after.map(Cursor::time).map(UtcTime::of).orElse(null))
            .param("id", after.map(Cursor::text).orElse(""))
            .param("limit", Cursor.rows(request))
            .query((row, index) -> execution(row))
            .list();
    return Cursor.page(
        rows, request, row -> Cursor.at(row.endedAt().orElseThrow(), row.id().value()));
  }

  /** Backups begun since then by how long their last execution took, the longest first. */
  public Page<BackupExecution> longest(Instant since, PageRequest request) {
    Optional<Cursor> after = Cursor.of(request);
    List<BackupExecution> rows =
        jdbc.sql(
                """
                select b.*, v.name as vm_name
                from (select id from backups use index (%s)
                  where created_at >= :since and ran_seconds >= 0 %s
                  order by ran_seconds desc, id desc limit :limit) t
                join backups b on b.id = t.id join vms v on v.id = b.vm_id
                order by b.ran_seconds desc, b.id desc\
                """
                    .formatted(
                        fewSince(since) ? "backups_by_ran" : "backups_longest",
                        after.isPresent()
                            ? "and ran_seconds <= :at and (ran_seconds < :at or id < :id)"
                            : ""))
            .param("since", UtcTime.of(since))
            .param("at", after.map(Cursor::number).orElse(0L))
            .param("id", after.map(Cursor::text).orElse(""))
            .param("limit", Cursor.rows(request))
            .query((row, index) -> execution(row))
            .list();
    return Cursor.page(
        rows,
        request,
        row -> new Cursor(row.ran().map(Duration::toSeconds).orElse(0L), row.id().value()));
  }

  private boolean fewSince(Instant since) {
    return jdbc.sql(
            """
            select created_at from backups where created_at >= :since
            order by created_at limit 1 offset :few\
            """)
        .param("since", UtcTime.of(since))
        .param("few", SORTED_MAX)
        .query()
        .listOfRows()
        .isEmpty();
  }

  private static BackupExecution execution(ResultSet row) throws SQLException {
    OptionalLong seconds = number(row, "ran_seconds");
    return new BackupExecution(
        new BackupId(row.getString("id")),
        row.getString("vm_name"),
        Status.valueOf(row.getString("status")),
        number(row, "execution_id"),
        Origin.valueOf(row.getString("origin")),
        row.getInt("attempts"),
        UtcTime.read(row, "created_at"),
        UtcTime.find(row, "completed_at"),
        seconds.isPresent()
            ? Optional.of(Duration.ofSeconds(seconds.getAsLong()))
            : Optional.empty(),
        Optional.ofNullable(row.getString("error")));
  }

  /**
   * What no living process runs although the tables say so, or whose end they do not know, backups
   * and tasks. The next command that opens the database recovers it, and so does a server. Not an
   * execution that begins just now, whose backup or task runs and does not know of it yet.
   */
  public List<StuckExecution> stuck() {
    return jdbc
        .sql(
            """
            select r.*, l.host, l.process_id, l.expires_at
            from (
              select e.JOB_EXECUTION_ID as execution, e.STATUS as batch_status, b.id,
                t.id as task, coalesce(b.status, t.status) as status,
                coalesce(b.lease_token, t.lease_token) as lease_token
              from BATCH_JOB_EXECUTION e
                left join backups b on b.execution_id = e.JOB_EXECUTION_ID
                left join tasks t on t.execution_id = e.JOB_EXECUTION_ID
              where e.STATUS in (%s)
                and (b.id is not null or t.id is not null or e.STATUS = 'UNKNOWN' or not exists (
                  select 1 from BATCH_JOB_EXECUTION_PARAMS p
                    left join backups pb on pb.id = p.PARAMETER_VALUE and pb.status = 'RUNNING'
                    left join tasks pt on pt.id = p.PARAMETER_VALUE and pt.status = 'RUNNING'
                  where p.JOB_EXECUTION_ID = e.JOB_EXECUTION_ID
                    and (pb.id is not null or pt.id is not null)))
              union all
              select b.execution_id, null, b.id, null, b.status, b.lease_token
              from backups b
              where b.status = 'RUNNING' and b.mover = 'INTERNAL' and not exists (
                select 1 from BATCH_JOB_EXECUTION e
                where e.JOB_EXECUTION_ID = b.execution_id and e.STATUS in (%s))
              union all
              select t.execution_id, null, null, t.id, t.status, t.lease_token
              from tasks t
              where t.status = 'RUNNING' and not exists (
                select 1 from BATCH_JOB_EXECUTION e
                where e.JOB_EXECUTION_ID = t.execution_id and e.STATUS in (%s))) r
              left join leases l on l.token = r.lease_token
            order by execution, id, task\
            """
                .formatted(
                    BatchHistory.UNFINISHED, BatchHistory.UNFINISHED, BatchHistory.UNFINISHED))
        .query((row, index) -> stuck(row))
        .list()
        .stream()
        .flatMap(Optional::stream)
        .toList();
  }

  private Optional<StuckExecution> stuck(ResultSet row) throws SQLException {
    OptionalLong lease = number(row, "lease_token");
    boolean unknown = "UNKNOWN".equals(row.getString("batch_status"));
    if (!unknown && lease.isPresent() && leases.alive(lease.getAsLong())) {
      return Optional.empty();
    }
    return Optional.of(
        new StuckExecution(
            number(row, "execution"),
            Optional.ofNullable(row.getString("batch_status")),
            Optional.ofNullable(row.getString("id")).map(BackupId::new),
            Optional.ofNullable(row.getString("task")),
            Optional.ofNullable(row.getString("status")).map(Status::valueOf),
            Optional.ofNullable(row.getString("host")),
            number(row, "process_id"),
            UtcTime.find(row, "expires_at")));
  }

  /** Completed disk backups, newest first, for their rates over time. */
  public Page<DiskRun> throughput(
      Optional<String> vmName, OptionalInt diskId, Instant since, PageRequest request) {
    return disks.completed(vmName, diskId, since, request);
  }

  /**
   * The completed disk backups of one disk, newest first: change ids, images, what each stands on
   * and why it has its level.
   */
  public Page<DiskRun> lineage(String vmName, int diskId, PageRequest request) {
    return disks.completed(Optional.of(vmName), OptionalInt.of(diskId), Instant.EPOCH, request);
  }

  /** Completed disk backups that were full copies, newest first. */
  public Page<DiskRun> fulls(
      Optional<String> vmName, Optional<Reason> reason, Instant since, PageRequest request) {
    return disks.fulls(vmName, reason, since, request);
  }

  /** VMs without a restore point of that moment or later, the oldest first, none at all before. */
  public Page<StaleMachine> stale(Instant before, PageRequest request) {
    Optional<Cursor> after = Cursor.of(request);
    List<StaleMachine> rows =
        jdbc.sql(
                """
                select s.name, s.newest, b.id, b.status, b.error
                from (select x.* from (
                    select v.id, v.name, coalesce((
                      select coalesce(c.snapshot_taken_at, c.created_at) from backups c
                      where c.vm_id = v.id and c.status = 'COMPLETED'
                      %s limit 1),
                      timestamp '1970-01-01 00:00:00') as newest
                    from vms v) x
                  where x.newest < :before %s
                  order by x.newest, x.name limit :limit) s
                left join backups b on b.id = (
                  select c.id from backups c where c.vm_id = s.id
                  %s limit 1)
                order by s.newest, s.name\
                """
                    .formatted(
                        order.down("c.vm_id, c.status", "c.completed_at"),
                        after.isPresent()
                            ? "and x.newest >= :at and (x.newest > :at or x.name > :id)"
                            : "",
                        order.down("c.vm_id", "c.created_at, c.id")))
            .param("before", UtcTime.of(before))
            .param("at", after.map(Cursor::time).map(UtcTime::of).orElse(null))
            .param("id", after.map(Cursor::text).orElse(""))
            .param("limit", Cursor.rows(request))
            .query((row, index) ->
                new StaleMachine(
                    row.getString("name"),
                    UtcTime.find(row, "newest").filter(time -> !time.equals(NEVER)),
                    Optional.ofNullable(row.getString("id")).map(BackupId::new),
                    Optional.ofNullable(row.getString("status")).map(Status::valueOf),
                    Optional.ofNullable(row.getString("error"))))
            .list();
    return Cursor.page(
        rows, request, row -> Cursor.at(row.restorePointAt().orElse(NEVER), row.vmName()));
  }

  /**
   * Starts of schedules that became no backup, newest first: skipped, failed, or due and not taken
   * by any server. Of a schedule that no server has looked at for long the first start only.
   *
   * @param since scheduled then or later; one that is due counts whenever it was
   * @param before how early one must have been due, or seen, to be late
   */
  public Page<MissedStart> missed(Instant since, Instant before, PageRequest request) {
    Optional<Cursor> after = Cursor.of(request);
    List<MissedStart> rows =
        jdbc.sql(
                """
                select m.* from (
                  select f.vm_name, f.scheduled_at, f.outcome, f.reason, f.backup_id from fires f
                  where f.scheduled_at >= :since and (f.outcome in ('SKIPPED', 'FAILED')
                    or f.outcome = 'PENDING' and f.fired_at < :before)
                  union all
                  select d.vm_name, d.due, 'DUE', null, null from (
                    select s.vm_name,
                      timestampadd(second, mod(floor(t.NEXT_FIRE_TIME / 1000), 60),
                        timestampadd(minute, floor(t.NEXT_FIRE_TIME / 60000),
                          timestamp '1970-01-01 00:00:00')) as due
                    from schedules s join QRTZ_TRIGGERS t
                      on t.TRIGGER_GROUP = :group and t.TRIGGER_NAME = s.vm_id
                    where t.TRIGGER_STATE <> 'PAUSED' and t.NEXT_FIRE_TIME > 0
                      and t.NEXT_FIRE_TIME < :millis) d
                  where not exists (
                    select 1 from fires f
                    where f.vm_name = d.vm_name and f.scheduled_at = d.due)) m
                %s
                order by m.scheduled_at desc, m.vm_name limit :limit\
                """
                    .formatted(
                        after.isPresent()
                            ? "where m.scheduled_at <= :at and (m.scheduled_at < :at or m.vm_name >"
                                + " :id)"
                            : ""))
            .param("since", UtcTime.of(since))
            .param("before", UtcTime.of(before))
            .param("millis", before.toEpochMilli())
            .param("group", ScheduledMachines.TRIGGER_GROUP)
            .param("at", after.map(Cursor::time).map(UtcTime::of).orElse(null))
            .param("id", after.map(Cursor::text).orElse(""))
            .param("limit", Cursor.rows(request))
            .query((row, index) ->
                new MissedStart(
                    row.getString("vm_name"),
                    UtcTime.read(row, "scheduled_at"),
                    row.getString("outcome"),
                    Optional.ofNullable(row.getString("reason")),
                    Optional.ofNullable(row.getString("backup_id")).map(BackupId::new)))
            .list();
    return Cursor.page(rows, request, row -> Cursor.at(row.scheduledAt(), row.vmName()));
  }

  private static OptionalLong number(ResultSet row, String column) throws SQLException {
    long value = row.getLong(column);
    return row.wasNull() ? OptionalLong.empty() : OptionalLong.of(value);
  }
}
