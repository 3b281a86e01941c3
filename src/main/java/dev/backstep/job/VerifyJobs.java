package dev.backstep.job;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import java.util.List;
import java.util.Optional;

/** Starts verifications; they are tasks from then on. Safe for use by many threads. */
public interface VerifyJobs {

  /**
   * Launches one in this process.
   *
   * @param backup the restore point to check, with all that it needs; every image of every
   *     repository when empty
   * @param whole whether data is checked, not only structure
   * @throws OperatorException NOT_FOUND when there is no such restore point
   */
  TaskRun verify(Optional<BackupId> backup, boolean whole);

  /**
   * Launches one of certain images, data included.
   *
   * @param subject what they are, for people
   * @param images a backing image before those on it
   */
  TaskRun verify(String subject, List<DiskBackupId> images);
}
