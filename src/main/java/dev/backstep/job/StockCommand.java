package dev.backstep.job;

import dev.backstep.backup.DiskTarget;
import java.nio.file.Path;

/** What restores a disk without this program. */
final class StockCommand {

  private StockCommand() {}

  /** A line for a shell. */
  static String of(Path image, DiskTarget target) {
    String format = target.kind() == DiskTarget.Kind.QCOW2 ? "qcow2" : "raw";
    return "qemu-img convert "
        + (target.isMade() ? "" : "-n ")
        + "-f qcow2 -O "
        + format
        + " "
        + quoted(image.toString())
        + " "
        + quoted(target.place());
  }

  private static String quoted(String text) {
    return text.matches("[A-Za-z0-9_./:@%+=-]+") ? text : "'" + text.replace("'", "'\\''") + "'";
  }
}
