package dev.backstep.cli;

import dev.backstep.catalog.TaskRow;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.OperatorException.Kind;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Prints runs of replications. */
final class ReplicationText {

  private final Session session;
  private final Engine engine;

  ReplicationText(Session session, Engine engine) {
    this.session = session;
    this.engine = engine;
  }

  /**
   * Returns 0, or the exit code of a run that did all it could while nothing says where some disk
   * goes.
   */
  int print(TaskRow row) {
    Map<String, @Nullable Object> run = engine.replication(row.id());
    if (session.options().json()) {
      session.terminal().result(BackupDocument.text(run));
      return exitCode(run);
    }
    session
        .terminal()
        .result(row.id() + " " + row.status() + "  " + BackupText.printable(row.subject()));
    if (run.get("disks") instanceof List<?> disks) {
      disks.forEach(this::disk);
    }
    return exitCode(run);
  }

  private static int exitCode(Map<String, @Nullable Object> run) {
    if (!(run.get("disks") instanceof List<?> disks)) {
      return 0;
    }
    boolean unplaced = false;
    for (Object row : disks) {
      if (row instanceof Map<?, ?> disk) {
        boolean placed = disk.get("target") != null;
        boolean done =
            word(disk, "status").equals(Status.COMPLETED.name())
                && number(disk, "bytes_differing") == 0;
        if (placed && !done) {
          return 0;
        }
        unplaced |= !placed;
      }
    }
    return unplaced ? Kind.UNPROTECTED.exitCode() : 0;
  }

  private void disk(@Nullable Object row) {
    if (!(row instanceof Map<?, ?> disk)) {
      return;
    }
    String level = word(disk, "level");
    String cause = word(disk, "cause");
    long differing = number(disk, "audit_bytes_differing");
    long compared = number(disk, "bytes_compared");
    session
        .terminal()
        .result(
            "disk "
                + word(disk, "disk_key")
                + "  "
                + word(disk, "status")
                + (level.isEmpty() ? "" : "  " + level + " (" + word(disk, "reason") + ")")
                + "  "
                + Sizes.bytes(number(disk, "bytes_written"))
                + " written of "
                + Sizes.bytes(number(disk, "virtual_size"))
                + (differing == 0
                    ? ""
                    : ", " + Sizes.bytes(differing) + " were not what change tracking said")
                + (compared == 0
                    ? ""
                    : ", "
                        + Sizes.bytes(compared)
                        + " compared, "
                        + Sizes.bytes(number(disk, "bytes_differing"))
                        + " differ")
                + "  "
                + word(disk, "target")
                + (cause.isEmpty() ? "" : System.lineSeparator() + "  " + cause));
  }

  /** A field as text that can be shown; empty when it is null. */
  static String word(Map<?, ?> fields, String name) {
    Object value = fields.get(name);
    return value == null ? "" : BackupText.printable(value.toString());
  }

  static long number(Map<?, ?> fields, String name) {
    return fields.get(name) instanceof Number number ? number.longValue() : 0;
  }
}
