package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.VmId;
import java.time.Instant;
import java.util.Optional;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * Restore tests that servers begin by themselves. Each method joins the surrounding transaction.
 * Safe for use by several threads.
 */
public final class RestoreTestRounds {

  private final JdbcClient jdbc;
  private final RoundTable table;
  private final IndexOrder order;

  public RestoreTestRounds(DataSource dataSource) {
    this.jdbc = JdbcClient.create(dataSource);
    this.table = new RoundTable(jdbc, "restore_test_rounds");
    this.order = IndexOrder.of(dataSource);
  }

  /** When the VM's newest restore test was begun. */
  public Optional<Instant> last(VmId vm) {
    return table.last(vm);
  }

  /** Whether a restore test that was begun so still runs, of whichever VM. */
  public boolean anyRuns() {
    return table.anyRuns();
  }

  /** The VM's newest restore point. */
  public Optional<BackupId> newest(VmId vm) {
    return jdbc.sql(
            "select b.id from backups b where b.vm_id = :vm and b.status = 'COMPLETED' "
                + order.down("b.vm_id, b.status", "b.completed_at")
                + " limit 1")
        .param("vm", vm.value())
        .query((row, index) -> new BackupId(row.getString("id")))
        .optional();
  }

  /**
   * Notes one.
   *
   * @param task the test; empty when there was nothing to boot
   */
  public void ran(VmId vm, Instant ranAt, Optional<String> task) {
    if (round(
            "update restore_test_rounds set ran_at = :ran, task_id = :task where vm_id = :vm",
            vm,
            ranAt,
            task)
        == 0) {
      round(
          "insert into restore_test_rounds (vm_id, ran_at, task_id) values (:vm, :ran, :task)",
          vm,
          ranAt,
          task);
    }
  }

  private int round(String sql, VmId vm, Instant ranAt, Optional<String> task) {
    return jdbc.sql(sql)
        .param("vm", vm.value())
        .param("ran", UtcTime.of(ranAt))
        .param("task", task.orElse(null))
        .update();
  }
}
