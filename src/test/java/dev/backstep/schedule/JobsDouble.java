package dev.backstep.schedule;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Backups;
import dev.backstep.catalog.Launch;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.BackupRun;
import dev.backstep.job.DiskProgress;
import dev.backstep.job.OperatorException;
import dev.backstep.job.ProcessLease;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.springframework.dao.DataIntegrityViolationException;
import org.springframework.dao.QueryTimeoutException;

/** The real verbs on the queue, but backups that begin run until the test says otherwise. */
final class JobsDouble implements BackupJobs {

  final List<BackupId> begun = new CopyOnWriteArrayList<>();
  final List<BackupId> stopped = new CopyOnWriteArrayList<>();

  /** The VMs that cannot be put in the queue. */
  final List<String> broken = new CopyOnWriteArrayList<>();

  /** The VMs whose row breaks a rule of the tables. */
  final List<String> refused = new CopyOnWriteArrayList<>();

  /** What happens once, just before the next one is put in the queue. */
  volatile Optional<Runnable> meanwhile = Optional.empty();

  volatile boolean recoveryFails;

  private final BackupJobs real;
  private final Backups backups;
  private final BackupQueries queries;
  private final ProcessLease lease;

  JobsDouble(BackupJobs real, Backups backups, BackupQueries queries, ProcessLease lease) {
    this.real = real;
    this.backups = backups;
    this.queries = queries;
    this.lease = lease;
  }

  static void databaseAway() {
    throw new QueryTimeoutException("no answer");
  }

  /** Waits until so many have begun in all; they do so in threads of their own. */
  List<BackupId> begun(int count) throws InterruptedException {
    for (int i = 0; i < 500 && begun.size() < count; i++) {
      TimeUnit.MILLISECONDS.sleep(10);
    }
    return List.copyOf(begun);
  }

  /** Lets one of them take its snapshot. */
  void opensSnapshot(BackupId id, Instant takenAt, Duration keep) throws IOException {
    backups.snapshotOpened(id, lease.token(), "snapshot", takenAt, takenAt.plus(keep));
  }

  void ends(BackupId id, Status status, String error) {
    backups.ended(id, lease.token(), status, Optional.of(error).filter(text -> !text.isEmpty()));
  }

  void completes(BackupId id) throws IOException {
    BackupRow row = queries.backup(id);
    var disk = backups.addDisk(id, 0, new DiskKey("a"), 1000, taken -> false);
    backups.planned(
        disk,
        lease.token(),
        new Backups.Plan(Reason.NO_BASELINE, "", Optional.empty(), Optional.empty(), 1, 1000, 0));
    backups.completeDisk(
        disk, lease.token(), Optional.empty(), row.id() + ".qcow2", 0, 0, 0, Optional.empty());
    backups.sealed(id, lease.token(), Instant.now(), Optional.empty());
  }

  @Override
  public BackupRun begin(BackupId id) {
    begun.add(id);
    real.drop(id);
    return new BackupRun() {
      @Override
      public BackupId backup() {
        return id;
      }

      @Override
      public List<DiskProgress> progress() {
        return List.of();
      }

      @Override
      public boolean await(Duration timeout) {
        return false;
      }

      @Override
      public Status status() {
        return Status.RUNNING;
      }

      @Override
      public Optional<String> error() {
        return Optional.empty();
      }

      @Override
      public Optional<OperatorException.Kind> failure() {
        return Optional.empty();
      }
    };
  }

  @Override
  public void stop(String id) {
    stopped.add(new BackupId(id));
  }

  @Override
  public BackupRun launch(JobDefinition definition, RequestedLevel level) {
    return real.launch(definition, level);
  }

  @Override
  public BackupId enqueue(JobDefinition definition, RequestedLevel level, Launch launch) {
    Optional<Runnable> first = meanwhile;
    meanwhile = Optional.empty();
    first.ifPresent(Runnable::run);
    if (broken.contains(definition.vmName())) {
      throw new IllegalStateException("a fault");
    }
    if (refused.contains(definition.vmName())) {
      throw new DataIntegrityViolationException("a text is too long");
    }
    return real.enqueue(definition, level, launch);
  }

  @Override
  public BackupId requeue(String id, String caller) {
    return real.requeue(id, caller);
  }

  @Override
  public boolean take(BackupId id) {
    return real.take(id);
  }

  @Override
  public void drop(BackupId id) {
    real.drop(id);
  }

  @Override
  public BackupRun relaunch(String id) {
    return real.relaunch(id);
  }

  @Override
  public void abandon(String id) {
    real.abandon(id);
  }

  @Override
  public void recover(String id, boolean force) {
    real.recover(id, force);
  }

  @Override
  public void recoverBackups() {
    if (recoveryFails) {
      throw new IllegalStateException("a fault");
    }
    real.recoverBackups();
  }

  @Override
  public void closeSnapshots() {
    real.closeSnapshots();
  }

  @Override
  public void recoverDead() {
    real.recoverDead();
  }
}
