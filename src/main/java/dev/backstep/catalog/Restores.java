package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.TaskKind;
import dev.backstep.domain.VmId;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;

/** Restores and their disks. Safe for use by several threads. */
public final class Restores {

  private final JdbcClient jdbc;
  private final Transactions transactions;
  private final Tasks tasks;

  public Restores(DataSource dataSource, PlatformTransactionManager manager, Tasks tasks) {
    this.jdbc = JdbcClient.create(dataSource);
    this.transactions = new Transactions(manager);
    this.tasks = tasks;
  }

  /**
   * Notes a restore that runs.
   *
   * @param backup whose disks are restored
   * @param targets every name of what they are written to, with what an operator knows it by
   * @param machine the VM whose disks those are, which has no backup meanwhile; empty of others
   * @return the task's id
   * @throws VmBusyException when something reads or writes over the disks of that VM
   * @throws TargetBusyException when another restore, or a replication, is writing there
   */
  public String begin(
      BackupId backup,
      String subject,
      List<RestoredDisk> disks,
      Map<String, String> targets,
      Optional<VmId> machine,
      long leaseToken) {
    return transactions.in(() -> {
      machine
          .filter(vm -> Machines.lockIfKnown(jdbc, vm))
          .ifPresent(vm -> BusyVm.requireFree(jdbc, vm));
      String id = tasks.begin(TaskKind.RESTORE, subject, backup.value(), leaseToken);
      WrittenTargets.take(jdbc, id, targets);
      machine.ifPresent(vm -> insert(id, vm));
      disks.forEach(disk -> insert(id, disk));
      return id;
    });
  }

  private void insert(String id, VmId machine) {
    jdbc.sql("insert into restored_machines (task_id, vm_id) values (:task, :vm)")
        .param("task", id)
        .param("vm", machine.value())
        .update();
  }

  private void insert(String id, RestoredDisk disk) {
    jdbc.sql(
            """
            insert into restored_disks (task_id, disk_id, disk_key, disk_backup_id, image, held_id,
              held_image, virtual_size, chain_length, target_kind, target, scope, begun)
            values (:task, :disk, :key, :backup, :image, :held, :heldImage, :size, :chain, :kind,
              :target, :scope, :begun)\
            """)
        .param("task", id)
        .param("disk", disk.diskId())
        .param("key", disk.diskKey().value())
        .param("backup", disk.diskBackupId().value())
        .param("image", disk.image())
        .param("held", disk.held().map(DiskBackupId::value).orElse(null))
        .param("heldImage", disk.heldImage().orElse(null))
        .param("size", disk.virtualSize())
        .param("chain", disk.chainLength())
        .param("kind", disk.targetKind())
        .param("target", disk.target())
        .param("scope", disk.scope())
        .param("begun", false)
        .update();
  }

  /** Notes that from here on something of the disk may be there. */
  public void begun(String id, int diskId, long bytesTotal) {
    jdbc.sql(
            """
            update restored_disks set begun = :begun, bytes_total = :total
            where task_id = :task and disk_id = :disk\
            """)
        .param("begun", true)
        .param("total", bytesTotal)
        .param("task", id)
        .param("disk", diskId)
        .update();
  }

  /**
   * Notes how far a disk is, and the task with it.
   *
   * @throws FencedException when this lease does not run it any more
   */
  public void progress(String id, long leaseToken, int diskId, long bytesDone, long bytesWritten)
      throws FencedException {
    transactions.in(() -> {
      tasks.lock(id, leaseToken);
      jdbc.sql(
              """
              update restored_disks set bytes_done = :done, bytes_written = :written
              where task_id = :task and disk_id = :disk\
              """)
          .param("done", bytesDone)
          .param("written", bytesWritten)
          .param("task", id)
          .param("disk", diskId)
          .update();
      List<RestoredDisk> disks = disks(id);
      tasks.progress(
          id,
          disks.stream().mapToLong(RestoredDisk::bytesDone).sum(),
          disks.stream().mapToLong(RestoredDisk::bytesTotal).sum());
      return id;
    });
  }

  /** The newest restore, or run of a replication, that was begun since onto its targets. */
  public Optional<String> supersededBy(String id) {
    return WrittenTargets.newer(jdbc, id);
  }

  /** The disks of a restore, by number; none when there is no such restore. */
  public List<RestoredDisk> disks(String id) {
    return jdbc.sql("select * from restored_disks where task_id = :task order by disk_id")
        .param("task", id)
        .query((row, index) ->
            new RestoredDisk(
                row.getInt("disk_id"),
                new DiskKey(row.getString("disk_key")),
                new DiskBackupId(row.getString("disk_backup_id")),
                row.getString("image"),
                Optional.ofNullable(row.getString("held_id")).map(DiskBackupId::new),
                Optional.ofNullable(row.getString("held_image")),
                row.getLong("virtual_size"),
                row.getInt("chain_length"),
                row.getString("target_kind"),
                row.getString("target"),
                row.getString("scope"),
                row.getBoolean("begun"),
                row.getLong("bytes_total"),
                row.getLong("bytes_done"),
                row.getLong("bytes_written")))
        .list();
  }
}
