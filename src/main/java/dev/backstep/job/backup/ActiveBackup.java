package dev.backstep.job.backup;

import dev.backstep.backup.DiskBackup;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.VmId;
import dev.backstep.repository.Repository;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SourceDisk;
import dev.backstep.source.VmSource;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.springframework.batch.core.job.parameters.JobParameters;

/**
 * What this process holds of one backup while it runs: things that no database can keep, such as an
 * open snapshot. Thread-safe.
 */
final class ActiveBackup {

  private final BackupId id;
  private final JobParameters parameters;
  private final JobDefinition definition;
  private final Repository repository;
  private final VmSource source;
  private final long leaseToken;
  private final Map<Integer, DiskBackup> disks = new ConcurrentHashMap<>();
  private final long begunNanos = System.nanoTime();
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile @Nullable Snapshot snapshot;
  private volatile @Nullable Throwable firstFailure;

  ActiveBackup(
      BackupId id,
      Optional<Instant> scheduledAt,
      JobDefinition definition,
      Repository repository,
      VmSource source,
      long leaseToken) {
    this.id = id;
    this.parameters = BackupParameters.of(id, scheduledAt);
    this.definition = definition;
    this.repository = repository;
    this.source = source;
    this.leaseToken = leaseToken;
  }

  BackupId id() {
    return id;
  }

  JobParameters parameters() {
    return parameters;
  }

  JobDefinition definition() {
    return definition;
  }

  /** Since this process launched or relaunched it. */
  Duration ran() {
    return Duration.ofNanos(System.nanoTime() - begunNanos);
  }

  VmId vm() {
    return definition.vmId();
  }

  Repository repository() {
    return repository;
  }

  VmSource source() {
    return source;
  }

  /** The fencing token under which this process owns the backup. */
  long leaseToken() {
    return leaseToken;
  }

  void snapshotOpened(Snapshot opened) {
    snapshot = opened;
  }

  /** The snapshot that every disk of this backup is read from. */
  Snapshot snapshot() {
    Snapshot open = snapshot;
    if (open == null) {
      throw new IllegalStateException(id + ": no snapshot is open");
    }
    return open;
  }

  SourceDisk disk(String key) {
    return snapshot().disks().stream()
        .filter(disk -> disk.key().value().equals(key))
        .findFirst()
        .orElseThrow(
            () -> new IllegalStateException(id + ": disk " + key + " is not in its snapshot"));
  }

  /**
   * Ends what the snapshot holds open; the marks at the source stay.
   *
   * @return the snapshot; empty when none was open
   */
  synchronized Optional<Snapshot> closeSnapshot() {
    Optional<Snapshot> open = Optional.ofNullable(snapshot);
    snapshot = null;
    open.ifPresent(Snapshot::close);
    return open;
  }

  void copying(int diskId, DiskBackup disk) {
    disks.put(diskId, disk);
  }

  /** The copy of a disk that this process has begun. */
  Optional<DiskBackup> copy(int diskId) {
    return Optional.ofNullable(disks.get(diskId));
  }

  void ended() {
    ended.countDown();
  }

  boolean hasEnded() {
    return ended.getCount() == 0;
  }

  /** Whether the run has ended, its last word to the database included, within the time given. */
  boolean awaitEnd(long timeout, TimeUnit unit) throws InterruptedException {
    return ended.await(timeout, unit);
  }

  /** Keeps the first failure: the later ones often only follow from it. */
  synchronized void failed(Throwable failure) {
    if (firstFailure == null) {
      firstFailure = failure;
    }
  }

  Optional<Throwable> firstFailure() {
    return Optional.ofNullable(firstFailure);
  }
}
