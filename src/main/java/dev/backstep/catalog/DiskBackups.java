package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Proof;
import dev.backstep.domain.Status;
import java.time.Clock;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;

/** The statements on {@code backup_disks}. Runs in its caller's transaction. */
final class DiskBackups {

  /** Since the plan, in bytes. */
  record Bytes(long read, long transferred, long stored) {}

  private final JdbcClient jdbc;
  private final Leases leases;
  private final Clock clock;
  private final Proofs proofs;

  DiskBackups(JdbcClient jdbc, Leases leases, Clock clock) {
    this.jdbc = jdbc;
    this.leases = leases;
    this.clock = clock;
    this.proofs = new Proofs(jdbc, clock);
  }

  BackupId backupOf(DiskBackupId id) {
    return jdbc.sql("select backup_id from backup_disks where id = :id")
        .param("id", id.value())
        .query(String.class)
        .optional()
        .map(BackupId::new)
        .orElseThrow(() -> new NoSuchElementException("no disk backup " + id + " in the catalog"));
  }

  DiskBackupId add(
      BackupOwner owner, int diskId, DiskKey key, long size, Predicate<DiskBackupId> idTaken) {
    DiskBackupId id =
        BackupNames.disk(
            owner.vm(),
            diskId,
            owner.createdAt(),
            name -> BackupNames.isTaken(jdbc, name.value()) || idTaken.test(name));
    jdbc.sql(
            """
            insert into backup_disks
              (id, backup_id, vm_id, repository_id, disk_id, disk_key, status, virtual_size)
            values (:id, :backup, :vm, :repository, :disk, :key, 'PENDING', :size)\
            """)
        .param("id", id.value())
        .param("backup", owner.backup().value())
        .param("vm", owner.vm().value())
        .param("repository", owner.repository().value())
        .param("disk", diskId)
        .param("key", key.value())
        .param("size", size)
        .update();
    return id;
  }

  void planned(DiskBackupId id, Backups.Plan plan) {
    int updated =
        jdbc.sql(
                """
                update backup_disks set status = 'RUNNING', level = :level, reason = :reason,
                  cause = :cause, previous_change_id = :previous, base_id = :base,
                  chain_length = :length, virtual_size = :size, bytes_total = :total,
                  bytes_read = 0, bytes_transferred = 0, bytes_stored = 0,
                  started_at = :now, resumed_at = :now, bytes_before = 0, completed_at = null,
                  error = null
                where id = :id and status <> 'COMPLETED'\
                """)
            .param("level", plan.reason().level().word())
            .param("reason", plan.reason().name())
            .param("cause", plan.cause())
            .param("previous", plan.previousChangeId().map(ChangeId::value).orElse(null))
            .param("base", plan.base().map(DiskBackupId::value).orElse(null))
            .param("length", plan.chainLength())
            .param("size", plan.virtualSize())
            .param("total", plan.bytesTotal())
            .param("now", UtcTime.of(clock.instant()))
            .param("id", id.value())
            .update();
    if (updated == 0) {
      throw new IllegalStateException("disk backup " + id + " is COMPLETED and stays so");
    }
  }

  void continued(DiskBackupId id) {
    int updated =
        jdbc.sql(
                """
                update backup_disks set status = 'RUNNING', resumed_at = :now,
                  bytes_before = bytes_read, completed_at = null, error = null
                where id = :id and status <> 'COMPLETED' and reason is not null\
                """)
            .param("now", UtcTime.of(clock.instant()))
            .param("id", id.value())
            .update();
    if (updated == 0) {
      throw new IllegalStateException("disk backup " + id + " is COMPLETED or was never planned");
    }
  }

  void progress(DiskBackupId id, long leaseToken, Bytes bytes) throws FencedException {
    int updated =
        jdbc.sql(
                """
                update backup_disks set bytes_read = :read, bytes_transferred = :transferred,
                  bytes_stored = :stored
                where id = :id and status = 'RUNNING' and exists (
                  select 1 from backups b where b.id = backup_disks.backup_id
                    and b.status = 'RUNNING' and b.lease_token = :token)\
                """)
            .param("read", bytes.read())
            .param("transferred", bytes.transferred())
            .param("stored", bytes.stored())
            .param("id", id.value())
            .param("token", leaseToken)
            .update();
    if (updated == 0) {
      throw new FencedException(
          "disk backup " + id + " does not run under lease " + leaseToken + " any more");
    }
  }

  boolean isCompletedWith(DiskBackupId id, Optional<ChangeId> changeId) {
    record Found(String status, Optional<ChangeId> changeId) {}
    Found found =
        jdbc.sql("select status, change_id from backup_disks where id = :id")
            .param("id", id.value())
            .query((row, index) ->
                new Found(
                    row.getString("status"),
                    Optional.ofNullable(row.getString("change_id")).map(ChangeId::new)))
            .single();
    if (!found.status().equals(Status.COMPLETED.name())) {
      return false;
    }
    if (!found.changeId().equals(changeId)) {
      throw new IllegalStateException(
          "disk backup "
              + id
              + " is COMPLETED with "
              + text(found.changeId())
              + ", not with "
              + text(changeId));
    }
    return true;
  }

  /** The only statement that stores a change id. The caller holds the backup's lock. */
  void complete(
      DiskBackupId id,
      BackupOwner owner,
      long leaseToken,
      Optional<ChangeId> changeId,
      String image,
      Bytes bytes,
      Optional<String> checksumKind)
      throws FencedException {
    int updated =
        jdbc.sql(
                """
                update backup_disks set status = 'COMPLETED', change_id = :change, image = :image,
                  lineage_no = :lineage, bytes_read = :read, bytes_transferred = :transferred,
                  bytes_stored = :stored, checksum_kind = :kind, completed_at = :now,
                  error = null, damaged = :intact
                where id = :id and status = 'RUNNING' and exists (
                  select 1 from backups b join leases l on l.token = b.lease_token
                  where b.id = backup_disks.backup_id and b.status = 'RUNNING'
                    and b.lease_token = :token and l.expires_at > :leaseNow)\
                """)
            .param("change", changeId.map(ChangeId::value).orElse(null))
            .param("image", image)
            .param("lineage", nextLineageNo(id, owner))
            .param("read", bytes.read())
            .param("transferred", bytes.transferred())
            .param("stored", bytes.stored())
            .param("now", UtcTime.of(clock.instant()))
            .param("kind", checksumKind.orElse(null))
            .param("intact", false)
            .param("id", id.value())
            .param("token", leaseToken)
            .param("leaseNow", UtcTime.of(leases.now()))
            .update();
    if (updated == 0) {
      throw new FencedException(
          "disk backup "
              + id
              + " does not run under a living lease "
              + leaseToken
              + ": it stays without a change id; relaunch the backup");
    }
    proofs.enter(id, Proof.CHECKSUMMED, clock.instant(), execution(owner.backup()));
  }

  private @Nullable Long execution(BackupId backup) {
    return jdbc.sql("select execution_id from backups where id = :id and execution_id is not null")
        .param("id", backup.value())
        .query(Long.class)
        .optional()
        .orElse(null);
  }

  void ended(DiskBackupId id, long leaseToken, Status status, Optional<String> error) {
    jdbc.sql(
            """
            update backup_disks set status = :status, completed_at = :now,
              error = coalesce(:error, error)
            where id = :id and status in ('PENDING', 'RUNNING') and exists (
              select 1 from backups b where b.id = backup_disks.backup_id
                and b.lease_token = :token)\
            """)
        .param("status", status.name())
        .param("now", UtcTime.of(clock.instant()))
        .param("error", error.orElse(null))
        .param("id", id.value())
        .param("token", leaseToken)
        .update();
  }

  /** Gives every disk backup that is not completed this status. */
  static void allUnfinished(JdbcClient jdbc, BackupId backup, Status status) {
    jdbc.sql(
            """
            update backup_disks set status = :status
            where backup_id = :backup and status <> 'COMPLETED'\
            """)
        .param("status", status.name())
        .param("backup", backup.value())
        .update();
  }

  void requireAllCompleted(BackupId backup) {
    List<String> statuses =
        jdbc.sql("select status from backup_disks where backup_id = :backup")
            .param("backup", backup.value())
            .query((row, index) -> row.getString("status"))
            .list();
    if (statuses.isEmpty() || !Set.copyOf(statuses).equals(Set.of(Status.COMPLETED.name()))) {
      throw new IllegalStateException(
          "backup " + backup + " has disks " + statuses + ": expected at least one, all COMPLETED");
    }
  }

  boolean anyCompleted(BackupId backup) {
    return jdbc.sql(
                "select count(*) from backup_disks where backup_id = :backup and status ="
                    + " 'COMPLETED'")
            .param("backup", backup.value())
            .query(Long.class)
            .single()
        > 0;
  }

  void moveCompleted(BackupId from, BackupId to) {
    jdbc.sql(
            """
            update backup_disks set backup_id = :to
            where backup_id = :from and status = 'COMPLETED'\
            """)
        .param("to", to.value())
        .param("from", from.value())
        .update();
  }

  void deleteAll(BackupId backup) {
    jdbc.sql(
            """
            delete from cbt_audit_ranges where disk_backup_id in (
              select id from backup_disks where backup_id = :backup)\
            """)
        .param("backup", backup.value())
        .update();
    Proofs.forget(jdbc, backup.value());
    jdbc.sql("delete from backup_disks where backup_id = :backup")
        .param("backup", backup.value())
        .update();
  }

  void damaged(DiskBackupId first) {
    Set<String> seen = new HashSet<>(Set.of(first.value()));
    Deque<String> next = new ArrayDeque<>(seen);
    while (!next.isEmpty()) {
      String id = next.remove();
      jdbc.sql("update backup_disks set damaged = :damaged where id = :id")
          .param("damaged", true)
          .param("id", id)
          .update();
      jdbc
          .sql("select id from backup_disks where base_id = :id and status = 'COMPLETED'")
          .param("id", id)
          .query((row, index) -> row.getString("id"))
          .list()
          .stream()
          .filter(seen::add)
          .forEach(next::add);
    }
  }

  private long nextLineageNo(DiskBackupId id, BackupOwner owner) {
    return jdbc.sql(
            """
            select coalesce(max(d.lineage_no), 0) + 1 from backup_disks d
            join backup_disks mine on mine.disk_id = d.disk_id
            where mine.id = :id and d.vm_id = :vm and d.repository_id = :repository\
            """)
        .param("id", id.value())
        .param("vm", owner.vm().value())
        .param("repository", owner.repository().value())
        .query(Long.class)
        .single();
  }

  private static String text(Optional<ChangeId> changeId) {
    return changeId.map(id -> "change id '" + id + "'").orElse("no change id");
  }
}
