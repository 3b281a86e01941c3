package dev.backstep.cli;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.Level;
import dev.backstep.domain.Proof;
import dev.backstep.domain.Proven;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupDocument;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;

/** Backups as people read them. Times are local. */
final class BackupText {

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss", Locale.ROOT);

  private final ZoneId zone;

  BackupText(ZoneId zone) {
    this.zone = zone;
  }

  /** Knows what the last full backup of a disk before this one stored. */
  @FunctionalInterface
  interface LastFull {
    OptionalLong bytesStored(BackupRow backup, BackupDiskRow disk);
  }

  /** All there is to say about one backup. */
  String whole(BackupRow backup, LastFull lastFull) {
    List<String> lines = new ArrayList<>();
    lines.add(backup.id() + "  " + backup.status());
    line(lines, "vm", printable(backup.vmName()));
    line(lines, "created", time(backup.createdAt()));
    backup.completedAt().ifPresent(at -> line(lines, "completed", completed(backup, at)));
    line(lines, "repository", backup.repositoryPath());
    backup.presentError().ifPresent(error -> line(lines, "error", error));
    backup.earlierError().ifPresent(error -> line(lines, "run before", error));
    backup.note().ifPresent(note -> line(lines, "note", note));
    if (backup.status() == Status.COMPLETED) {
      ledger(lines, backup);
    }
    backup.disks().forEach(disk -> disk(lines, backup, disk, lastFull));
    return String.join(System.lineSeparator(), lines);
  }

  private void ledger(List<String> lines, BackupRow backup) {
    for (Proof proof : Proof.values()) {
      Optional<Proven> all = backup.ledger().find(proof);
      line(
          lines,
          proof == Proof.WRITTEN ? "proofs" : "",
          String.format(Locale.ROOT, "%-14s %s", words(proof), all.map(this::proven).orElse("-"))
              + (all.isEmpty() ? only(backup, proof) : ""));
    }
  }

  private static String words(Proof proof) {
    return proof.word().replace('_', ' ');
  }

  private String proven(Proven proven) {
    return time(proven.at())
        + (proven.executionId().isPresent()
            ? ", execution " + proven.executionId().getAsLong()
            : "");
  }

  /** The disks that have a proof that others have not. */
  private String only(BackupRow backup, Proof proof) {
    StringBuilder disks = new StringBuilder();
    for (BackupDiskRow disk : backup.disks()) {
      disk.ledger()
          .find(proof)
          .ifPresent(proven ->
              disks
                  .append(disks.isEmpty() ? " (only disk " : "; disk ")
                  .append(disk.diskId())
                  .append(": ")
                  .append(proven(proven)));
    }
    return disks.isEmpty() ? "" : disks + ")";
  }

  private String completed(BackupRow backup, Instant at) {
    return time(at) + " (" + Sizes.time(Duration.between(backup.createdAt(), at)) + ")";
  }

  private static void disk(
      List<String> lines, BackupRow backup, BackupDiskRow disk, LastFull lastFull) {
    lines.add("");
    lines.add(
        "disk " + disk.diskId() + "  " + printable(disk.diskKey().value()) + "  " + disk.status());
    line(lines, "level", level(disk));
    line(lines, "size", Sizes.bytes(disk.virtualSize()));
    line(lines, "read", amount(disk.bytesRead()));
    line(lines, "stored", amount(disk.bytesStored()) + saving(backup, disk, lastFull));
    if (disk.bytesAudited() > 0) {
      line(lines, "audited", audited(disk));
    }
    line(lines, "change id", changeIds(disk));
    BackupDocument.image(backup, disk)
        .map(Path::toString)
        .ifPresent(at -> line(lines, "image", at));
    disk.checksumKind().ifPresent(kind -> line(lines, "checksum", kind));
    BackupDocument.backingImage(backup, disk)
        .map(Path::toString)
        .ifPresent(at -> line(lines, "backing", at));
    disk.error().ifPresent(error -> line(lines, "error", error));
  }

  private static String level(BackupDiskRow disk) {
    String level = disk.level().map(Level::word).orElse("not planned yet");
    String reason = disk.reason().map(found -> " (" + found + ")").orElse("");
    return level + reason + (disk.cause().isEmpty() ? "" : ": " + disk.cause());
  }

  private static String amount(long bytes) {
    return bytes < 1024 ? Sizes.bytes(bytes) : Sizes.bytes(bytes) + " (" + bytes + " bytes)";
  }

  private static String saving(BackupRow backup, BackupDiskRow disk, LastFull lastFull) {
    if (disk.status() != Status.COMPLETED || disk.level().orElse(Level.FULL) == Level.FULL) {
      return "";
    }
    OptionalLong full = lastFull.bytesStored(backup, disk);
    if (full.isEmpty() || full.getAsLong() <= 0) {
      return "";
    }
    double saved = 100.0 * (full.getAsLong() - disk.bytesStored()) / full.getAsLong();
    return String.format(
        Locale.ROOT,
        ", %.1f%% less than the last full backup's %s",
        saved,
        Sizes.bytes(full.getAsLong()));
  }

  private static String audited(BackupDiskRow disk) {
    return amount(disk.bytesAudited())
        + (disk.bytesDiffering() == 0
            ? ", change tracking told the truth about them"
            : ", " + amount(disk.bytesDiffering()) + " were not what change tracking said");
  }

  private static String changeIds(BackupDiskRow disk) {
    String before = disk.previousChangeId().map(ChangeId::value).orElse("none");
    String after = disk.changeId().map(ChangeId::value).orElse("none");
    return printable(before) + " -> " + printable(after);
  }

  /** A table of backups, one a line. */
  String table(List<BackupRow> backups) {
    Table table =
        new Table(
            "BACKUP", "VM", "STATUS", "CREATED", "DISKS", "LEVEL", "READ", "STORED", "PROVEN");
    backups.forEach(backup ->
        table.add(
            backup.id().value(),
            printable(backup.vmName()),
            backup.status().name(),
            time(backup.createdAt()),
            String.valueOf(backup.disks().size()),
            levels(backup),
            Sizes.bytes(backup.disks().stream().mapToLong(BackupDiskRow::bytesRead).sum()),
            Sizes.bytes(backup.disks().stream().mapToLong(BackupDiskRow::bytesStored).sum()),
            backup.ledger().strongest().map(BackupText::words).orElse("-")));
    return table.toString();
  }

  private static String levels(BackupRow backup) {
    List<String> levels =
        backup.disks().stream()
            .map(BackupDiskRow::level)
            .flatMap(Optional::stream)
            .map(Level::word)
            .distinct()
            .toList();
    return levels.isEmpty() ? "-" : levels.size() == 1 ? levels.getFirst() : "mixed";
  }

  String time(Instant time) {
    return TIME.format(time.atZone(zone));
  }

  /** Text from elsewhere without what would move the cursor of a terminal. */
  static String printable(String text) {
    return text.replaceAll("[\\p{Cc}\u2028\u2029]", "?");
  }

  private static void line(List<String> lines, String name, String value) {
    lines.add(String.format(Locale.ROOT, "  %-11s %s", name, value));
  }
}
