package dev.backstep.catalog;

import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.TaskVerdict;

/**
 * A check of a whole repository.
 *
 * @param task its bytes are the lengths of the images' files
 * @param restorePoints that can be read; 0 until it has ended, as with the images
 * @param images that are whole with their chain
 * @param problems how many things were found wrong so far
 */
public record RepositoryCheckRow(
    TaskRow task, RepositoryId repository, int restorePoints, int images, int problems) {

  public TaskVerdict verdict() {
    return TaskVerdict.ofFindings(task.status(), problems);
  }
}
