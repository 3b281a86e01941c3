package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.TaskVerdict;
import dev.backstep.domain.TestVerdict;
import java.util.Optional;

/**
 * A restore test.
 *
 * @param backup the restore point
 * @param detail what was seen, or what was missing; empty until it has ended
 */
public record RestoreTestRow(
    TaskRow task, BackupId backup, TestVerdict verdict, Optional<String> detail) {

  /** The verdict, which a test that ended without one does not wait for any more. */
  public TaskVerdict outcome() {
    return TaskVerdict.ofTest(task.status(), verdict);
  }
}
