package dev.backstep.job;

import dev.backstep.domain.BackupId;
import java.util.Optional;

/** Verifications as operators command them. Safe for use by many threads. */
public interface VerifyJobs {

  /**
   * Launches one in this process.
   *
   * @param backup the restore point to check, with all that it needs; every image of every
   *     repository when empty
   * @param whole whether data is checked, not only structure
   * @throws OperatorException NOT_FOUND when there is no such restore point
   */
  VerifyRun verify(Optional<BackupId> backup, boolean whole);

  /**
   * Goes on with one that failed or was stopped, or whose process is gone, where it stopped.
   *
   * @throws OperatorException NOT_FOUND; CONFLICT when it runs or is completed
   */
  VerifyRun relaunchVerify(String id);

  /**
   * Asks one to stop after what it is just checking, in whatever process it runs.
   *
   * @throws OperatorException NOT_FOUND; CONFLICT when it does not run
   */
  void stopVerify(String id);
}
