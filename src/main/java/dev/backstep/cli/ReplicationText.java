package dev.backstep.cli;

import dev.backstep.catalog.TaskRow;
import dev.backstep.job.BackupDocument;
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

  /** Returns the exit code of one that has COMPLETED. */
  int print(TaskRow row) {
    Map<String, @Nullable Object> run = engine.replication(row.id());
    if (session.options().json()) {
      session.terminal().result(BackupDocument.text(run));
      return 0;
    }
    session
        .terminal()
        .result(row.id() + " " + row.status() + "  " + BackupText.printable(row.subject()));
    if (run.get("disks") instanceof List<?> disks) {
      disks.forEach(this::disk);
    }
    return 0;
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
