package dev.backstep.job;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.Status;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** A backup that runs, or ran, here or in a server. Safe for use by many threads. */
public interface BackupRun {

  /** Which backup. */
  BackupId backup();

  /** Where each disk stands, by disk id; empty while the snapshot is being taken. */
  List<DiskProgress> progress();

  /** Why it has not begun yet; empty when it has, or nothing is in its way. */
  default Optional<String> waitingFor() {
    return Optional.empty();
  }

  /**
   * Waits for the end.
   *
   * @return whether it has ended within the time
   */
  boolean await(Duration timeout) throws InterruptedException;

  /** Where the backup stands. */
  Status status();

  /** Why it failed: one text for an operator; empty unless the status is FAILED. */
  Optional<String> error();

  /** What kind of failure it was; empty unless the status is FAILED. */
  Optional<OperatorException.Kind> failure();
}
