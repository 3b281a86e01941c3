package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Proof;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.VmId;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * Takes over what a repository's files say and the catalog does not know. Runs in its caller's
 * transaction, one VM at a time. Safe for use by several threads.
 */
public final class Imports {

  private final JdbcClient jdbc;
  private final Clock clock;

  public Imports(DataSource dataSource, Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.clock = clock;
  }

  /**
   * A backup.
   *
   * @param definition the job definition it was begun with, as far as known
   * @param completedAt when it became a restore point; empty for one that is none, of which some
   *     disks were completed all the same
   * @param immutableUntil as its restore point's file says
   */
  public record Backup(
      BackupId id,
      VmId vm,
      RepositoryId repository,
      String definition,
      Instant snapshotTakenAt,
      Optional<Instant> completedAt,
      Optional<Instant> immutableUntil) {}

  /**
   * Locks a registered VM until the surrounding transaction ends.
   *
   * @throws VmBusyException when it has a backup that runs or waits
   */
  public void lock(VmId vm) {
    BusyVm.requireIdle(jdbc, vm);
  }

  /** Whether the catalog has, or had, a backup or disk backup of this id. */
  public boolean knows(String id) {
    return BackupNames.isTaken(jdbc, id);
  }

  /**
   * Gives a disk the number that it had.
   *
   * @throws IllegalStateException when the number is another disk's, or the disk has another one
   */
  public void disk(VmId vm, int diskId, DiskKey key) {
    List<String> rows =
        jdbc.sql(
                """
                select disk_id, disk_key from vm_disks
                where vm_id = :vm and (disk_id = :disk or disk_key = :key)\
                """)
            .param("vm", vm.value())
            .param("disk", diskId)
            .param("key", key.value())
            .query((row, index) -> row.getInt("disk_id") + " " + row.getString("disk_key"))
            .list();
    if (rows.isEmpty()) {
      jdbc.sql("insert into vm_disks (vm_id, disk_id, disk_key) values (:vm, :disk, :key)")
          .param("vm", vm.value())
          .param("disk", diskId)
          .param("key", key.value())
          .update();
    } else if (!rows.equals(List.of(diskId + " " + key.value()))) {
      throw new IllegalStateException(
          "VM "
              + vm
              + ": disk "
              + diskId
              + " is '"
              + key.value()
              + "' in the repository, in the catalog are "
              + rows
              + "; import it into a catalog that does not know this VM");
    }
  }

  public void insert(Backup backup, List<ImportedImage> images) {
    Instant now = clock.instant();
    jdbc.sql(
            """
            insert into backups (id, vm_id, repository_id, status, requested_level, definition,
              created_at, completed_at, snapshot_taken_at, immutable_until, note)
            values (:id, :vm, :repository, :status, 'AUTO', :definition, :taken, :completed, :taken,
              :immutable, :note)\
            """)
        .param("id", backup.id().value())
        .param("vm", backup.vm().value())
        .param("repository", backup.repository().value())
        .param("status", backup.completedAt().isPresent() ? "COMPLETED" : "ABANDONED")
        .param("definition", backup.definition())
        .param("taken", UtcTime.of(backup.snapshotTakenAt()))
        .param("completed", UtcTime.of(backup.completedAt().orElse(now)))
        .param("immutable", backup.immutableUntil().map(UtcTime::of).orElse(null))
        .param("note", "imported at " + now)
        .update();
    for (ImportedImage image : images) {
      insert(backup, image);
    }
  }

  /** Its lineage number is below all others until {@link #number} gives it its place. */
  private void insert(Backup backup, ImportedImage image) {
    long number = Math.min(0, edge("min", backup.repository(), backup.vm(), image.diskId())) - 1;
    jdbc.sql(
            """
            insert into backup_disks (id, backup_id, vm_id, repository_id, disk_id, disk_key, status,
              level, reason, cause, change_id, previous_change_id, base_id, chain_length,
              virtual_size, bytes_total, bytes_read, bytes_transferred, bytes_stored, image,
              checksum_kind, completed_at, lineage_no)
            values (:id, :backup, :vm, :repository, :disk, :key, 'COMPLETED', :level, :reason,
              :cause, :change, :previous, :base, :chain, :size, :data, :data, :data, :stored,
              :image, :kind, :completed, :number)\
            """)
        .param("id", image.id().value())
        .param("backup", backup.id().value())
        .param("vm", backup.vm().value())
        .param("repository", backup.repository().value())
        .param("disk", image.diskId())
        .param("key", image.diskKey().value())
        .param("level", image.level().word())
        .param("reason", image.reason().name())
        .param("cause", image.cause())
        .param("change", image.changeId().map(ChangeId::value).orElse(null))
        .param("previous", image.previousChangeId().map(ChangeId::value).orElse(null))
        .param("base", image.base().map(DiskBackupId::value).orElse(null))
        .param("chain", image.chainLength())
        .param("size", image.virtualSize())
        .param("data", image.bytesData())
        .param("stored", image.bytesStored())
        .param("image", image.image())
        .param("kind", image.checksumKind().orElse(null))
        .param("number", number)
        .param("completed", UtcTime.of(image.completedAt()))
        .update();
    if (image.checksumKind().isPresent()) {
      new Proofs(jdbc, clock).enter(image.id(), Proof.CHECKSUMMED, image.completedAt(), null);
    }
  }

  private record Link(String id, String base, Instant completedAt, int chainLength) {}

  /**
   * Numbers the completed images of a disk anew, in the order in which they were completed: what
   * was imported may be older than what was known. An image comes behind the one that it stands on,
   * whatever clocks said.
   */
  public void number(RepositoryId repository, VmId vm, int diskId) {
    List<Link> links =
        jdbc.sql(
                """
                select id, base_id, completed_at, chain_length from backup_disks
                where repository_id = :repository and vm_id = :vm and disk_id = :disk
                  and status = 'COMPLETED' order by chain_length, completed_at, id\
                """)
            .param("repository", repository.value())
            .param("vm", vm.value())
            .param("disk", diskId)
            .query((row, index) ->
                new Link(
                    row.getString("id"),
                    Optional.ofNullable(row.getString("base_id")).orElse(""),
                    UtcTime.read(row, "completed_at"),
                    row.getInt("chain_length")))
            .list();
    Map<String, Instant> times = new HashMap<>();
    for (Link link : links) {
      Instant below = times.getOrDefault(link.base(), Instant.MIN);
      times.put(link.id(), link.completedAt().isAfter(below) ? link.completedAt() : below);
    }
    List<Link> order = new ArrayList<>(links);
    order.sort(
        Comparator.<Link, Instant>comparing(link -> times.getOrDefault(link.id(), Instant.MIN))
            .thenComparing(Link::chainLength)
            .thenComparing(Link::id));
    // Numbers are unique at each moment: first beyond all others, then from 1 upwards, in order.
    long beyond = Math.max(0, edge("max", repository, vm, diskId));
    for (long first : new long[] {beyond + 1, 1}) {
      for (int i = 0; i < order.size(); i++) {
        jdbc.sql("update backup_disks set lineage_no = :number where id = :id")
            .param("number", first + i)
            .param("id", order.get(i).id())
            .update();
      }
    }
  }

  /** The least or greatest lineage number of a disk; 0 when it has no image. */
  private long edge(String which, RepositoryId repository, VmId vm, int diskId) {
    return jdbc.sql(
            "select coalesce("
                + which
                + "(lineage_no), 0) from backup_disks"
                + " where repository_id = :repository and vm_id = :vm and disk_id = :disk")
        .param("repository", repository.value())
        .param("vm", vm.value())
        .param("disk", diskId)
        .query(Long.class)
        .single();
  }
}
