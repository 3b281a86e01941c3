package dev.backstep.cli;

import dev.backstep.catalog.RestoredDisk;
import dev.backstep.catalog.TaskRow;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.RestoreDocument;
import java.util.List;
import java.util.Optional;

/** Prints restores. */
final class RestoreText {

  private final Session session;
  private final Engine engine;

  RestoreText(Session session, Engine engine) {
    this.session = session;
    this.engine = engine;
  }

  /** Returns the exit code. */
  int print(TaskRow row) {
    List<RestoredDisk> disks = engine.restoredDisks(row.id());
    Optional<String> superseded = engine.supersededBy(row.id());
    if (session.options().json()) {
      session
          .terminal()
          .result(BackupDocument.text(RestoreDocument.fields(row, disks, superseded)));
      return 0;
    }
    session
        .terminal()
        .result(
            row.id()
                + " "
                + row.status()
                + "  "
                + BackupText.printable(row.subject())
                + superseded
                    .map(newer -> "; another one was begun onto it since: " + newer)
                    .orElse(""));
    for (RestoredDisk disk : disks) {
      session
          .terminal()
          .result(
              "disk "
                  + disk.diskId()
                  + "  "
                  + BackupText.printable(disk.diskKey().value())
                  + "  "
                  + Sizes.bytes(disk.virtualSize())
                  + ", "
                  + Sizes.bytes(disk.bytesTotal())
                  + " of data"
                  + written(disk)
                  + "  "
                  + BackupText.printable(disk.target())
                  + System.lineSeparator()
                  + "  the same without backstep: "
                  + BackupText.printable(RestoreDocument.stockCommand(disk)));
    }
    return 0;
  }

  private static String written(RestoredDisk disk) {
    return disk.bytesWritten() == disk.bytesDone()
        ? ""
        : ", " + Sizes.bytes(disk.bytesWritten()) + " of it differed and was written";
  }
}
