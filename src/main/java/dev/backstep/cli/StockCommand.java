package dev.backstep.cli;

import dev.backstep.backup.RestoreTarget;
import java.nio.file.Path;
import java.util.Locale;

/** What restores a disk without this program. */
final class StockCommand {

  private StockCommand() {}

  /** A line for a shell. */
  static String of(Path image, RestoreTarget target, Path file) {
    return "qemu-img convert -f qcow2 -O "
        + target.name().toLowerCase(Locale.ROOT)
        + " "
        + quoted(image)
        + " "
        + quoted(file);
  }

  private static String quoted(Path path) {
    String text = path.toString();
    return text.matches("[A-Za-z0-9_./:@%+=-]+") ? text : "'" + text.replace("'", "'\\''") + "'";
  }
}
