package dev.backstep.cli;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VmId;
import dev.backstep.job.OperatorException;
import dev.backstep.job.RestoreTargets;
import dev.backstep.repository.Holdings;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RestorePoint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The restore point that a command names, found in the catalog or by a repository's own files.
 *
 * @param only the one disk that is asked for; empty for all
 */
record ChosenPoint(Repository repository, RestorePoint point, Optional<Integer> only) {

  /**
   * @param id a backup's or one of its disk backups'
   * @param folder the repository whose files are to be believed; null for the catalog
   * @param disk one disk's number, null for all, or for that of the disk backup
   * @throws OperatorException when there is no such restore point, or it has no such disk
   */
  static ChosenPoint find(Session session, String id, @Nullable Path folder, @Nullable Integer disk)
      throws IOException {
    if (folder != null) {
      Repository repository = Repository.open(folder);
      RestorePoint point = held(session, repository, id);
      return new ChosenPoint(repository, point, only(id, disk, point.backupId(), disks(point)));
    }
    BackupRow backup = completed(session, id);
    session.release();
    Optional<Integer> only = only(id, disk, backup.id().value(), disks(backup));
    Repository repository = Repository.open(Path.of(backup.repositoryPath()));
    return new ChosenPoint(repository, repository.restorePoint(backup.vmId(), backup.id()), only);
  }

  /** Whether a disk is asked for. */
  boolean has(RestorePoint.Disk disk) {
    return only.isEmpty() || only.get() == disk.diskId();
  }

  Path image(RestorePoint.Disk disk) {
    return repository
        .disk(new VmId(point.vmId()), disk.diskId())
        .image(new DiskBackupId(disk.diskBackupId()));
  }

  private static BackupRow completed(Session session, String id) {
    BackupRow backup = ShowCommand.find(session.catalog(), id);
    RestoreTargets.requireRestorePoint(backup);
    return backup;
  }

  private static RestorePoint held(Session session, Repository repository, String id)
      throws IOException {
    Holdings holdings = Holdings.of(repository);
    holdings.problems().forEach(session.terminal()::error);
    return holdings
        .find(id)
        .orElseThrow(() ->
            OperatorException.notFound(
                id
                    + ": no such restore point in "
                    + repository.root()
                    + "; `backstep list --repository "
                    + repository.root()
                    + "` shows those that are"));
  }

  private static Optional<Integer> only(
      String id, @Nullable Integer disk, String backup, SortedMap<Integer, String> disks) {
    Optional<Integer> byId =
        disks.entrySet().stream()
            .filter(one -> one.getValue().equals(id))
            .map(Map.Entry::getKey)
            .findFirst();
    Optional<Integer> asked = disk == null ? byId : Optional.of(disk);
    if (asked.isPresent() && !disks.containsKey(asked.get())) {
      throw OperatorException.notFound(
          backup + " has no disk " + asked.get() + "; it has " + disks.keySet());
    }
    return asked;
  }

  private static SortedMap<Integer, String> disks(RestorePoint point) {
    SortedMap<Integer, String> disks = new TreeMap<>();
    point.disks().forEach(one -> disks.put(one.diskId(), one.diskBackupId()));
    return disks;
  }

  private static SortedMap<Integer, String> disks(BackupRow backup) {
    SortedMap<Integer, String> disks = new TreeMap<>();
    backup.disks().forEach(one -> disks.put(one.diskId(), one.id().value()));
    return disks;
  }
}
