package dev.backstep.job;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.Status;
import dev.backstep.repository.RepositoryException;
import dev.backstep.source.SourceException;
import java.io.IOException;

/** What the operator is told when a backup is refused before it began. */
public final class Refusals {

  private Refusals() {}

  public static OperatorException of(IOException e) {
    String text = Failures.text(e);
    if (e instanceof SourceException source) {
      return switch (source.kind()) {
        case NOT_FOUND -> OperatorException.notFound(text, e);
        case LOCKED -> OperatorException.busy(text, e);
        case FAILED, UNREACHABLE -> OperatorException.failed(text, e);
      };
    }
    if (e instanceof RepositoryException repository
        && repository.kind() == RepositoryException.Kind.NOT_A_REPOSITORY) {
      return OperatorException.usage(text, e);
    }
    if (e instanceof RepositoryException repository
        && repository.kind() == RepositoryException.Kind.IN_USE) {
      return OperatorException.busy(text, e);
    }
    return OperatorException.failed(text, e);
  }

  /** A verb does not fit the status of a backup. */
  public static OperatorException notNow(BackupRow row, String verb, String expected) {
    String text =
        row.id()
            + " is "
            + row.status()
            + " and cannot be "
            + verb
            + "; only a backup that is "
            + expected
            + " can";
    return row.status() == Status.RUNNING || row.status() == Status.QUEUED
        ? OperatorException.busy(text, null)
        : OperatorException.failed(text, null);
  }

  /** What runs by its row has no thread that could be asked: for a moment, at its begin and end. */
  public static OperatorException beginsOrEnds(String id) {
    return OperatorException.busy(id + " begins or ends at this moment; ask again", null);
  }

  /** A task's status does not let it go on. */
  public static OperatorException notRelaunched(String task, Status status) {
    return OperatorException.conflict(
        task + " is " + status + "; only what is FAILED or STOPPED can be relaunched", null);
  }
}
