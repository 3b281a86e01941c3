package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.FireOutcome;
import dev.backstep.domain.Status;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import javax.sql.DataSource;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * What became of the starts that schedules asked for, one row for each VM and scheduled time. Safe
 * for use by several threads.
 */
public final class Fires {

  private static final String FIRES =
      """
      select f.*, b.status as backup_status
      from fires f left join backups b on b.id = f.backup_id
      """;

  private final JdbcClient jdbc;
  private final Clock clock;

  public Fires(DataSource dataSource, Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.clock = clock;
  }

  /**
   * Records a start before anything else is done about it.
   *
   * @return where it stands: PENDING when it is the caller's to act on, also when it was recorded
   *     before and nobody has come to an end with it
   */
  public FireOutcome begin(String vmName, Instant scheduledAt) {
    try {
      jdbc.sql(
              """
              insert into fires (vm_name, scheduled_at, fired_at, outcome)
              values (:vm, :scheduled, :now, 'PENDING')\
              """)
          .param("vm", vmName)
          .param("scheduled", UtcTime.of(scheduledAt))
          .param("now", UtcTime.of(clock.instant()))
          .update();
      return FireOutcome.PENDING;
    } catch (DuplicateKeyException e) {
      return jdbc.sql("select outcome from fires where vm_name = :vm and scheduled_at = :scheduled")
          .param("vm", vmName)
          .param("scheduled", UtcTime.of(scheduledAt))
          .query(String.class)
          .optional()
          .map(FireOutcome::valueOf)
          .orElse(FireOutcome.PENDING);
    }
  }

  /**
   * Records what a start became; one that has an outcome keeps it.
   *
   * @param reason why it was skipped or failed
   */
  public void ended(
      String vmName,
      Instant scheduledAt,
      FireOutcome outcome,
      Optional<String> reason,
      Optional<BackupId> backup) {
    jdbc.sql(
            """
            update fires set outcome = :outcome, reason = :reason, backup_id = :backup
            where vm_name = :vm and scheduled_at = :scheduled and outcome = 'PENDING'\
            """)
        .param("outcome", outcome.name())
        .param("reason", reason.orElse(null))
        .param("backup", backup.map(BackupId::value).orElse(null))
        .param("vm", vmName)
        .param("scheduled", UtcTime.of(scheduledAt))
        .update();
  }

  /**
   * Records a start with what it became, as {@link #begin} and {@link #ended} do.
   *
   * @param reason why it was skipped or failed
   */
  public void record(
      String vmName,
      Instant scheduledAt,
      FireOutcome outcome,
      Optional<String> reason,
      Optional<BackupId> backup) {
    try {
      jdbc.sql(
              """
              insert into fires (vm_name, scheduled_at, fired_at, outcome, reason, backup_id)
              values (:vm, :scheduled, :now, :outcome, :reason, :backup)\
              """)
          .param("vm", vmName)
          .param("scheduled", UtcTime.of(scheduledAt))
          .param("now", UtcTime.of(clock.instant()))
          .param("outcome", outcome.name())
          .param("reason", reason.orElse(null))
          .param("backup", backup.map(BackupId::value).orElse(null))
          .update();
    } catch (DuplicateKeyException e) {
      ended(vmName, scheduledAt, outcome, reason, backup);
    }
  }

  /**
   * Starts by scheduled time, newest first, VMs by name.
   *
   * @param vmName only this VM's
   * @param since scheduled then or later
   * @throws IllegalArgumentException when the place is none that a page has given
   */
  public Page<FireRow> page(Optional<String> vmName, Instant since, PageRequest request) {
    Optional<Cursor> after = Cursor.of(request);
    List<FireRow> rows =
        jdbc.sql(
                """
                select f.*, b.status as backup_status
                from (select vm_name, scheduled_at from fires
                  where scheduled_at >= :since %s %s
                  order by scheduled_at desc, vm_name limit :limit) p
                join fires f on f.vm_name = p.vm_name and f.scheduled_at = p.scheduled_at
                left join backups b on b.id = f.backup_id
                order by f.scheduled_at desc, f.vm_name\
                """
                    .formatted(
                        vmName.isPresent() ? "and vm_name = :vm" : "",
                        after.isPresent()
                            ? "and scheduled_at <= :at and (scheduled_at < :at or vm_name > :id)"
                            : ""))
            .param("since", UtcTime.of(since))
            .param("vm", vmName.orElse(""))
            .param("at", after.map(Cursor::time).map(UtcTime::of).orElse(null))
            .param("id", after.map(Cursor::text).orElse(""))
            .param("limit", Cursor.rows(request))
            .query((row, index) -> fire(row))
            .list();
    return Cursor.page(rows, request, row -> Cursor.at(row.scheduledAt(), row.vmName()));
  }

  /** The newest start of each VM that has a schedule, by VM name. */
  public Map<String, FireRow> newest() {
    Map<String, FireRow> newest = new HashMap<>();
    // H2 joins in this order: from the few schedules to the many starts.
    jdbc.sql(
            """
            select f.*, b.status as backup_status
            from schedules s
              join fires f on f.vm_name = s.vm_name and f.scheduled_at = s.last_fire_at
              left join backups b on b.id = f.backup_id\
            """)
        .query((row, index) -> fire(row))
        .list()
        .forEach(fire -> newest.put(fire.vmName(), fire));
    return newest;
  }

  /** Starts that a server has recorded before this time and not come to an end with. */
  public List<FireRow> pending(Instant before) {
    return jdbc.sql(FIRES + "where f.outcome = 'PENDING' and f.fired_at < :before")
        .param("before", UtcTime.of(before))
        .query((row, index) -> fire(row))
        .list();
  }

  /** The scheduled times of which there is a record, by VM name. */
  public Map<String, Set<Instant>> recorded(Instant since) {
    Map<String, Set<Instant>> recorded = new HashMap<>();
    jdbc.sql("select vm_name, scheduled_at from fires where scheduled_at >= :since")
        .param("since", UtcTime.of(since))
        .query(row -> {
          recorded
              .computeIfAbsent(row.getString("vm_name"), name -> new HashSet<>())
              .add(UtcTime.read(row, "scheduled_at"));
        });
    return recorded;
  }

  /**
   * Forgets starts that were scheduled before this time.
   *
   * @return how many
   */
  public int trim(Instant before) {
    return OldRows.delete(jdbc, "fires", "scheduled_at", before);
  }

  private static FireRow fire(ResultSet row) throws SQLException {
    return new FireRow(
        row.getString("vm_name"),
        UtcTime.read(row, "scheduled_at"),
        UtcTime.read(row, "fired_at"),
        FireOutcome.valueOf(row.getString("outcome")),
        Optional.ofNullable(row.getString("reason")),
        Optional.ofNullable(row.getString("backup_id")).map(BackupId::new),
        Optional.ofNullable(row.getString("backup_status")).map(Status::valueOf));
  }
}
