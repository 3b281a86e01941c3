package dev.backstep.source.vsphere;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.RepositoryId;
import dev.backstep.source.MarkName;
import java.security.SecureRandom;
import java.util.HexFormat;

/**
 * How a snapshot of ours is known. Its name is the backup's, for people, and is cut where vSphere
 * allows no more; the mark stands in its description, whole, on a line of its own.
 */
final class SnapshotMark {

  /** Most characters in a snapshot's name. */
  private static final int NAME_MAX = 80;

  private static final String LINE = "Mark: ";
  private static final String OFF = "The VM was off.";

  private SnapshotMark() {}

  static ChangeId make(RepositoryId repository, BackupId backup) {
    byte[] random = new byte[4];
    new SecureRandom().nextBytes(random);
    return MarkName.of(repository, backup, HexFormat.of().formatHex(random));
  }

  static String name(BackupId backup) {
    String id = backup.value();
    return id.length() <= NAME_MAX ? id : id.substring(0, NAME_MAX);
  }

  /**
   * @param off whether the VM is off: its snapshot is made without asking its guest
   */
  static String description(BackupId backup, ChangeId mark, boolean off) {
    return "Made by Backstep for "
        + backup
        + " and removed by it; please leave it alone.\n"
        + LINE
        + mark
        + (off ? "\n" + OFF : "");
  }

  /** Whether the guest's file systems were at rest in a snapshot of ours. */
  static boolean isAtRest(Machine.HeldSnapshot snapshot) {
    return snapshot.quiesced() || snapshot.description().lines().anyMatch(OFF::equals);
  }

  /** The mark of a snapshot; empty when it has none, as those of others. */
  static String of(Machine.HeldSnapshot snapshot) {
    return snapshot
        .description()
        .lines()
        .filter(line -> line.startsWith(LINE))
        .map(line -> line.substring(LINE.length()).strip())
        .findFirst()
        .orElse("");
  }

  /** Whether a snapshot belongs to a backup, whichever try of it. */
  static boolean belongsTo(
      Machine.HeldSnapshot snapshot, RepositoryId repository, BackupId backup) {
    String prefix = MarkName.of(repository, backup, "").value();
    String mark = of(snapshot);
    return mark.startsWith(prefix) && mark.indexOf('.', prefix.length()) < 0;
  }
}
