package dev.backstep.job.backup;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Backups;
import dev.backstep.catalog.Continuations;
import dev.backstep.catalog.Machines;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Baseline;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import dev.backstep.job.Sources;
import dev.backstep.job.definition.JobDefinitions;
import dev.backstep.repository.Repository;
import dev.backstep.source.SourceException;
import dev.backstep.source.VmSource;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.stereotype.Component;

/**
 * Clears what backups leave behind: marks at the source that nobody needs any more, partial images
 * of backups that will not be relaunched, snapshots past their keep time.
 */
@Component
class Leftovers {

  private static final Logger log = LoggerFactory.getLogger(Leftovers.class);

  private static final Duration CLOSE_MAX = Duration.ofSeconds(30);
  private static final Duration CLOSE_PAUSE = Duration.ofMillis(20);

  private final Backups backups;
  private final BackupQueries queries;
  private final Continuations continuations;
  private final Machines machines;
  private final Sources sources;

  Leftovers(
      Backups backups,
      BackupQueries queries,
      Continuations continuations,
      Machines machines,
      Sources sources) {
    this.backups = backups;
    this.queries = queries;
    this.continuations = continuations;
    this.machines = machines;
    this.sources = sources;
  }

  /**
   * Lets the snapshot of an ended backup go. Marks that cannot be removed now are logged and
   * removed by the next backup: they cost the source a little, and no backup its truth.
   */
  void closeSnapshot(BackupId id, Repository repository, VmSource source) {
    BackupRow row = queries.backup(id);
    try {
      source.releaseMarks(repository.id(), neededMarks(repository, row.vmId()));
    } catch (SourceException e) {
      log.warn("{}: old marks stay at the source until the next backup: {}", id, e.getMessage());
    }
    backups.snapshotClosed(id);
  }

  /**
   * Waits until the VM's backups that are COMPLETED have let their snapshots go: they still remove
   * marks at the source that nobody needs, and would take those of a backup that begins meanwhile
   * for such. Not for ever: what a process left that died there is cleared by the next start.
   */
  void awaitClosed(RepositoryId repository, VmId vm) throws InterruptedException {
    long end = System.nanoTime() + CLOSE_MAX.toNanos();
    while (queries.closes(repository, vm) && System.nanoTime() < end) {
      Thread.sleep(CLOSE_PAUSE);
    }
  }

  private Map<DiskKey, Set<ChangeId>> neededMarks(Repository repository, VmId vm) {
    Map<DiskKey, Set<ChangeId>> keep = new HashMap<>();
    machines
        .disks(vm)
        .forEach((diskId, key) ->
            keep.put(
                key,
                queries
                    .baseline(repository.id(), vm, diskId)
                    .flatMap(Baseline::changeId)
                    .map(Set::of)
                    .orElse(Set.of())));
    return keep;
  }

  /**
   * A backup has a snapshot of its own now, so the earlier ones of its VM in this repository that
   * were left unfinished can never be completed from theirs.
   */
  void supersede(ActiveBackup active) throws IOException {
    for (BackupRow old : queries.unfinished(active.repository().id(), active.vm())) {
      if (!old.id().equals(active.id())) {
        log.info("{}: superseded by {}", old.id(), active.id());
        continuations.notAgain(old.id(), "superseded by " + active.id());
        discardPartials(old, active.repository());
        backups.snapshotClosed(old.id());
      }
    }
  }

  /** Gives up whatever an ended backup holds. */
  void giveUp(BackupRow row) throws IOException {
    JobDefinition definition = JobDefinitions.read(row.definition());
    Repository repository = Repository.open(Path.of(definition.repository()));
    discardPartials(row, repository);
    closeSnapshot(row.id(), repository, sources.open(definition.source()));
  }

  /** Lets snapshots go that nobody will take up again. */
  void closeSnapshots(Instant now) {
    for (BackupRow row : queries.snapshotsToClose(now)) {
      String note = "its snapshot was held until " + row.snapshotKeepUntil().orElse(now);
      if (continuations.notAgain(row.id(), note)) {
        tryGiveUp(row);
      }
    }
  }

  /** As {@link #giveUp}; what is in the way now is tried again at the next start. */
  void tryGiveUp(BackupRow row) {
    try {
      giveUp(row);
    } catch (IOException | RuntimeException e) {
      log.warn("{}: its leftovers stay until the next start: {}", row.id(), e.getMessage());
    }
  }

  private static void discardPartials(BackupRow row, Repository repository) throws IOException {
    for (BackupDiskRow disk : row.disks()) {
      if (disk.status() != Status.COMPLETED && disk.status() != Status.DELETED) {
        repository.disk(row.vmId(), disk.diskId()).discard(disk.id());
      }
    }
  }
}
