package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.TaskVerdict;
import java.util.Optional;

/**
 * A verification as the catalog knows it.
 *
 * @param task its bytes are those of the images' files and those of data that are checked
 * @param backup whose images; all when empty
 * @param whole whether data is checked, not only structure
 * @param images how many it is about
 * @param checked how many of them are done
 * @param damaged how many of those were found damaged
 */
public record VerificationRow(
    TaskRow task, Optional<BackupId> backup, boolean whole, int images, int checked, int damaged) {

  public String id() {
    return task.id();
  }

  public TaskVerdict verdict() {
    return TaskVerdict.ofFindings(task.status(), damaged);
  }
}
