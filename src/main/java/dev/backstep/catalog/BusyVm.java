package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.VmId;
import java.util.Optional;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * What has a VM to itself. Each method locks the VM's row, so that the answer holds until the
 * surrounding transaction ends.
 */
final class BusyVm {

  private BusyVm() {}

  /**
   * @throws VmBusyException when the VM has a backup that runs or waits
   */
  static void requireIdle(JdbcClient jdbc, VmId vm) {
    require(vm, backup(jdbc, vm));
  }

  /**
   * As {@link #requireIdle}; no task reads or writes over the VM's disks either.
   *
   * @throws VmBusyException when something does
   */
  static void requireFree(JdbcClient jdbc, VmId vm) {
    require(vm, of(jdbc, vm));
  }

  private static void require(VmId vm, Optional<BackupId> other) {
    if (other.isPresent()) {
      throw new VmBusyException(vm, other.get());
    }
  }

  /** The backup that runs or waits, or the task that reads or writes over the VM's disks. */
  static Optional<BackupId> of(JdbcClient jdbc, VmId vm) {
    return backup(jdbc, vm).or(() -> task(jdbc, vm).map(BackupId::new));
  }

  private static Optional<BackupId> backup(JdbcClient jdbc, VmId vm) {
    Machines.lock(jdbc, vm);
    return jdbc.sql("select id from backups where active_vm_id = :vm")
        .param("vm", vm.value())
        .query((row, index) -> new BackupId(row.getString("id")))
        .optional();
  }

  private static Optional<String> task(JdbcClient jdbc, VmId vm) {
    return jdbc.sql(
            """
            select coalesce(
              (select min(r.id) from replication_runs r join tasks t on t.id = r.id
                where r.vm_id = :vm and t.status = 'RUNNING'),
              (select min(m.task_id) from restored_machines m join tasks t on t.id = m.task_id
                where m.vm_id = :vm and t.status = 'RUNNING')) as id\
            """)
        .param("vm", vm.value())
        .query((row, index) -> Optional.ofNullable(row.getString("id")))
        .single();
  }
}
