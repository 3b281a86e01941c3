package dev.backstep.catalog;

import dev.backstep.domain.VmId;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * The job definitions that have a schedule, one for each VM. Each method joins the surrounding
 * transaction, else runs in one of its own. Safe for use by several threads.
 */
public final class ScheduledMachines {

  /** The group of the scheduler's triggers that are named by VM id. */
  public static final String TRIGGER_GROUP = "schedule";

  private static final String MACHINES =
      """
      select s.*, t.TRIGGER_STATE as trigger_state, t.NEXT_FIRE_TIME as next_fire_time
      from schedules s left join QRTZ_TRIGGERS t
        on t.TRIGGER_GROUP = :group and t.TRIGGER_NAME = s.vm_id
      """;

  private final JdbcClient jdbc;
  private final Clock clock;

  public ScheduledMachines(DataSource dataSource, Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.clock = clock;
  }

  /** All, by VM name. */
  public List<ScheduledMachine> list() {
    return jdbc.sql(MACHINES + "order by s.vm_name")
        .param("group", TRIGGER_GROUP)
        .query((row, index) -> machine(row))
        .list();
  }

  /**
   * A page of them by VM name.
   *
   * @throws IllegalArgumentException when the place is none that a page has given
   */
  public Page<ScheduledMachine> page(PageRequest request) {
    List<ScheduledMachine> rows =
        jdbc.sql(MACHINES + "where s.vm_name > :after order by s.vm_name limit :limit")
            .param("group", TRIGGER_GROUP)
            .param("after", Cursor.of(request).map(Cursor::text).orElse(""))
            .param("limit", Cursor.rows(request))
            .query((row, index) -> machine(row))
            .list();
    return Cursor.page(rows, request, row -> new Cursor(0, row.vmName()));
  }

  public Optional<ScheduledMachine> find(VmId vm) {
    return jdbc.sql(MACHINES + "where s.vm_id = :vm")
        .param("group", TRIGGER_GROUP)
        .param("vm", vm.value())
        .query((row, index) -> machine(row))
        .optional();
  }

  /** As {@link #find}; nobody else changes it until the surrounding transaction ends. */
  public Optional<ScheduledMachine> lock(VmId vm) {
    jdbc.sql("select vm_id from schedules where vm_id = :vm for update")
        .param("vm", vm.value())
        .query(String.class)
        .optional();
    return find(vm);
  }

  /**
   * @throws org.springframework.dao.DuplicateKeyException when the VM has one already
   */
  public void add(VmId vm, String vmName, String file, String definition) {
    jdbc.sql(
            """
            insert into schedules (vm_id, vm_name, file, definition, active_since)
            values (:vm, :name, :file, :definition, :now)\
            """)
        .param("vm", vm.value())
        .param("name", vmName)
        .param("file", file)
        .param("definition", definition)
        .param("now", UtcTime.of(clock.instant()))
        .update();
  }

  /** What the definition says now, and where it stands. */
  public void change(VmId vm, String file, String definition) {
    jdbc.sql("update schedules set file = :file, definition = :definition where vm_id = :vm")
        .param("file", file)
        .param("definition", definition)
        .param("vm", vm.value())
        .update();
  }

  /** From now on it fires as it says; what was due before does not count as missed. */
  public void activeFromNow(VmId vm) {
    jdbc.sql("update schedules set active_since = :now where vm_id = :vm")
        .param("now", UtcTime.of(clock.instant()))
        .param("vm", vm.value())
        .update();
  }

  /** Notes the newest start. */
  public void fired(VmId vm, Instant scheduledAt) {
    jdbc.sql(
            """
            update schedules set last_fire_at = :at
            where vm_id = :vm and (last_fire_at is null or last_fire_at < :at)\
            """)
        .param("at", UtcTime.of(scheduledAt))
        .param("vm", vm.value())
        .update();
  }

  public void remove(VmId vm) {
    jdbc.sql("delete from schedules where vm_id = :vm").param("vm", vm.value()).update();
  }

  private static ScheduledMachine machine(ResultSet row) throws SQLException {
    long next = row.getLong("next_fire_time");
    return new ScheduledMachine(
        new VmId(row.getString("vm_id")),
        row.getString("vm_name"),
        row.getString("file"),
        row.getString("definition"),
        UtcTime.read(row, "active_since"),
        Optional.ofNullable(row.getString("trigger_state")),
        next > 0 ? Optional.of(Instant.ofEpochMilli(next)) : Optional.empty());
  }
}
