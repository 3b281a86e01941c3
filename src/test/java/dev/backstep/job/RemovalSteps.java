package dev.backstep.job;

import dev.backstep.catalog.BackupRow;
import dev.backstep.repository.Repository;
import java.io.IOException;
import java.util.List;

/** A deletion that dies on its way. */
public final class RemovalSteps {

  private RemovalSteps() {}

  /**
   * Deletes until the process dies.
   *
   * @param steps after so many of those behind the first transaction
   * @return whether there are more
   */
  public static boolean first(
      int steps, RestorePointRemoval removal, BackupRow row, Repository repository, Rows rows)
      throws IOException {
    removal.forget(row.id(), repository, any -> {});
    List<RestorePointRemoval.Step> all = removal.steps(rows.now(row), repository);
    for (RestorePointRemoval.Step step : all.subList(0, steps)) {
      step.run();
    }
    return steps < all.size();
  }

  /** Reads a backup again. */
  public interface Rows {
    BackupRow now(BackupRow row);
  }
}
