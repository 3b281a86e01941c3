package dev.backstep.job.backup;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupRun;
import dev.backstep.job.DiskProgress;
import dev.backstep.job.Failures;
import dev.backstep.job.OperatorException;
import dev.backstep.job.Refusals;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** A backup that this process runs, as its launcher sees it. Thread-safe. */
final class LocalRun implements BackupRun {

  private final ActiveBackup active;
  private final BackupQueries queries;

  LocalRun(ActiveBackup active, BackupQueries queries) {
    this.active = active;
    this.queries = queries;
  }

  @Override
  public BackupId backup() {
    return active.id();
  }

  @Override
  public List<DiskProgress> progress() {
    return queries.backup(active.id()).disks().stream()
        .map(disk -> RunningProgress.of(disk, active.copy(disk.diskId())))
        .toList();
  }

  @Override
  public boolean await(Duration timeout) throws InterruptedException {
    return active.awaitEnd(timeout.toMillis(), TimeUnit.MILLISECONDS);
  }

  @Override
  public Status status() {
    return active.hasEnded() ? queries.backup(active.id()).status() : Status.RUNNING;
  }

  @Override
  public Optional<String> error() {
    return active.firstFailure().map(Failures::text);
  }

  @Override
  public Optional<OperatorException.Kind> failure() {
    return active
        .firstFailure()
        .map(failure ->
            failure instanceof IOException io
                ? Refusals.of(io).kind()
                : OperatorException.Kind.FAILED);
  }
}
