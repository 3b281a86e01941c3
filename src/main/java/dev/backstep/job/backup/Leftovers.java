package dev.backstep.job.backup;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupQueue;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Backups;
import dev.backstep.catalog.Continuations;
import dev.backstep.catalog.Leases;
import dev.backstep.catalog.Machines;
import dev.backstep.catalog.Releases;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Baseline;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.Sources;
import dev.backstep.job.definition.JobDefinitions;
import dev.backstep.repository.Repository;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SourceException;
import dev.backstep.source.VmSource;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
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

  /** A source that is away takes long to say so, and there may be many backups of it. */
  private static final Duration RETRY_PAUSE = Duration.ofMinutes(10);

  private final Backups backups;
  private final BackupQueries queries;
  private final BackupQueue queue;
  private final Continuations continuations;
  private final Machines machines;
  private final Sources sources;
  private final Leases leases;
  private final ProcessLease lease;
  private final Releases releases;

  /** When what could not be given up is tried again. */
  private final Map<BackupId, Instant> notBefore = new ConcurrentHashMap<>();

  /** What this process gives up at this moment. */
  private final Set<BackupId> releasing = ConcurrentHashMap.newKeySet();

  Leftovers(
      Backups backups,
      BackupQueries queries,
      BackupQueue queue,
      Continuations continuations,
      Machines machines,
      Sources sources,
      Leases leases,
      ProcessLease lease,
      Releases releases) {
    this.backups = backups;
    this.queries = queries;
    this.queue = queue;
    this.continuations = continuations;
    this.machines = machines;
    this.sources = sources;
    this.leases = leases;
    this.lease = lease;
    this.releases = releases;
  }

  /**
   * Lets the snapshot of a sealed backup go. Whoever begins a backup of this VM waits for that, and
   * makes no marks meanwhile; so where another process has taken it over, nothing is touched.
   */
  void closeSealed(ActiveBackup active) {
    BackupRow row = queries.backup(active.id());
    if (!isOurs(active, row)) {
      log.warn("{}: its snapshot is let go by whoever found its lease ended", active.id());
      return;
    }
    releaseMarks(row, active.repository(), active.source());
    backups.snapshotClosed(active.id());
  }

  private boolean isOurs(ActiveBackup active, BackupRow row) {
    return row.leaseToken().equals(OptionalLong.of(active.leaseToken()))
        && queries.ownerAlive(active.id());
  }

  /**
   * Removes what the snapshot of a backup that did not complete has marked, less what disks need
   * that are completed. How the backup ended must not depend on it.
   */
  void forget(ActiveBackup active, Snapshot closed) {
    Set<ChangeId> spent = new HashSet<>(closed.spentMarks());
    if (spent.isEmpty()) {
      return;
    }
    try {
      BackupRow row = queries.backup(active.id());
      if (isOurs(active, row)) {
        neededMarks(active.repository(), row.vmId()).values().forEach(spent::removeAll);
        closed.remove(spent);
      }
    } catch (SourceException | RuntimeException e) {
      log.warn(
          "{}: its marks stay at the source until the next backup: {}",
          active.id(),
          e.getMessage());
    }
  }

  /**
   * As {@link #closeSealed} for one whose process died, unless another process was first. What
   * cannot be removed is left to the next backup: that this one is done must not depend on it.
   *
   * @return whether this process did it
   */
  boolean takeOver(BackupRow sealed) {
    long from = sealed.leaseToken().orElseThrow();
    if (!leases.takeClosing(sealed.id(), from, lease.token())) {
      return false;
    }
    try {
      JobDefinition definition = JobDefinitions.read(sealed.definition());
      releaseMarks(
          sealed,
          Repository.open(Path.of(definition.repository())),
          sources.open(definition.source()));
    } catch (IOException | RuntimeException e) {
      log.warn(
          "{}: old marks stay at the source until the next backup: {}",
          sealed.id(),
          e.getMessage());
    }
    backups.snapshotClosed(sealed.id());
    return true;
  }

  /**
   * Marks that cannot be removed now are logged and removed by the next backup: they cost the
   * source a little, and no backup its truth.
   */
  private void releaseMarks(BackupRow row, Repository repository, VmSource source) {
    try {
      source.releaseMarks(repository.id(), neededMarks(repository, row.vmId()));
    } catch (SourceException e) {
      log.warn(
          "{}: old marks stay at the source until the next backup: {}", row.id(), e.getMessage());
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

  /**
   * Gives up whatever an ended backup holds.
   *
   * @return false when it runs, waits or is completed by now, or somebody else is at it
   */
  boolean giveUp(BackupId id) throws IOException {
    return giveUp(id, Releases.FOREVER);
  }

  private boolean giveUp(BackupId id, Instant heldBefore) throws IOException {
    if (!releasing.add(id)) {
      return false;
    }
    try {
      Releases.Release release = new Releases.Release(id, lease.token());
      if (!releases.begin(id, release.leaseToken(), heldBefore)) {
        return false;
      }
      try {
        letGo(queries.backup(id));
      } catch (IOException | RuntimeException e) {
        releases.undone(release);
        throw e;
      }
      releases.done(release);
      return true;
    } finally {
      releasing.remove(id);
    }
  }

  /**
   * While another backup of the VM reads from a snapshot, or will go on with one, that one's marks
   * are all that counts; it removes the others at its end.
   */
  private void letGo(BackupRow row) throws IOException {
    JobDefinition definition = JobDefinitions.read(row.definition());
    Repository repository = Repository.open(Path.of(definition.repository()));
    discardPartials(row, repository);
    if (!queries.othersHoldSnapshot(repository.id(), row.vmId(), row.id())) {
      releaseMarks(row, repository, sources.open(definition.source()));
    }
  }

  /**
   * Gives up a backup whose snapshot nobody will take up again; one that waits to be gone on with
   * leaves the queue first, so that no server takes it meanwhile. The row may be old: what was gone
   * on with since then is left alone.
   */
  void giveUpExpired(BackupRow row) {
    if (Instant.now().isBefore(notBefore.getOrDefault(row.id(), Instant.EPOCH))) {
      return;
    }
    String note = "its snapshot was held until " + row.snapshotKeepUntil().orElse(Instant.EPOCH);
    boolean left =
        row.status() != Status.QUEUED || queue.cancel(row.id(), lease.token(), Optional.of(note));
    if (left && continuations.expired(row.id(), note)) {
      tryGiveUp(row.id(), Instant.now());
    }
  }

  /** As {@link #giveUp}; what is in the way now is tried again when its keep time is over. */
  void tryGiveUp(BackupId id) {
    tryGiveUp(id, Releases.FOREVER);
  }

  private void tryGiveUp(BackupId id, Instant heldBefore) {
    try {
      giveUp(id, heldBefore);
      notBefore.remove(id);
    } catch (IOException | RuntimeException e) {
      log.warn("{}: its leftovers stay for now: {}", id, e.getMessage());
      notBefore.put(id, Instant.now().plus(RETRY_PAUSE));
    }
  }

  /**
   * What is being given up of a VM, and is waited for by whoever begins a backup of it. What a
   * process was at that died, or to which the database did not answer at its end, is left as it is:
   * the partial images and marks of a snapshot that nobody knows any more go with the next one.
   */
  boolean isGivingUp(RepositoryId repository, VmId vm) {
    boolean any = false;
    for (Releases.Release release : releases.of(repository, vm)) {
      boolean ours = lease.holds(release.leaseToken());
      if (ours ? releasing.contains(release.backup()) : leases.alive(release.leaseToken())) {
        any = true;
      } else {
        releases.done(release);
      }
    }
    return any;
  }

  /** By what the catalog says now: a disk backup that is completed has no partial image. */
  private void discardPartials(BackupRow row, Repository repository) throws IOException {
    for (BackupDiskRow disk : queries.backup(row.id()).disks()) {
      if (disk.status() != Status.COMPLETED && disk.status() != Status.DELETED) {
        repository.disk(row.vmId(), disk.diskId()).discard(disk.id());
      }
    }
  }
}
