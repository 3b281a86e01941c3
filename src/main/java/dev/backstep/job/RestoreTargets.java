package dev.backstep.job;

import dev.backstep.backup.DiskTarget;
import dev.backstep.backup.RestoreTarget;
import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.Status;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Which disk goes where, as operators say it. */
public final class RestoreTargets {

  private static final Pattern NUMBERED = Pattern.compile("([0-9]{1,9})=(.+)");

  private RestoreTargets() {}

  /**
   * @throws OperatorException FAILED when the backup is not COMPLETED
   */
  public static void requireRestorePoint(BackupRow backup) {
    if (backup.status() != Status.COMPLETED) {
      throw OperatorException.failed(
          backup.id()
              + " is "
              + backup.status()
              + "; only COMPLETED backups can be restored, `backstep list` shows them",
          null);
    }
  }

  /**
   * The disks that are meant.
   *
   * @param id the backup's, or one of its disk backups', which is that disk alone
   * @param only one disk's number; empty for all
   * @throws OperatorException NOT_FOUND when the backup has no such disk
   */
  public static TreeSet<Integer> disks(BackupRow backup, String id, Optional<Integer> only) {
    requireRestorePoint(backup);
    TreeSet<Integer> all = new TreeSet<>();
    backup.disks().forEach(disk -> all.add(disk.diskId()));
    Optional<Integer> byId =
        backup.disks().stream()
            .filter(disk -> disk.id().value().equals(id))
            .map(BackupDiskRow::diskId)
            .findFirst();
    Optional<Integer> asked = only.isPresent() ? only : byId;
    if (asked.isEmpty()) {
      return all;
    }
    return new TreeSet<>(List.of(find(backup, asked.get()).diskId()));
  }

  /**
   * Looks at what the targets are said to hold, and at how the rest is found.
   *
   * @param differing whether targets are read to find what differs
   * @param held empty when nothing is said of them
   * @throws OperatorException USAGE when both are said; FAILED when that backup is not COMPLETED;
   *     NOT_FOUND when it lacks one of the disks
   */
  public static void requireHeld(boolean differing, Optional<BackupRow> held, Set<Integer> disks) {
    held.ifPresent(backup -> {
      if (differing) {
        throw OperatorException.usage(
            "either the targets are read to find what differs, or they hold a restore point", null);
      }
      requireRestorePoint(backup);
      disks.forEach(disk -> find(backup, disk));
    });
  }

  /**
   * @throws OperatorException NOT_FOUND when the backup has no such disk
   */
  public static BackupDiskRow find(BackupRow backup, int number) {
    return backup.disks().stream()
        .filter(disk -> disk.diskId() == number)
        .findFirst()
        .orElseThrow(() ->
            OperatorException.notFound(
                backup.id()
                    + " has no disk "
                    + number
                    + "; it has "
                    + backup.disks().stream().map(BackupDiskRow::diskId).sorted().toList()));
  }

  /** New files in a folder. */
  public static Map<Integer, DiskTarget> made(
      TreeSet<Integer> disks, Path folder, RestoreTarget format) {
    Path absolute = folder.toAbsolutePath().normalize();
    Map<Integer, DiskTarget> targets = new TreeMap<>();
    disks.forEach(disk -> targets.put(disk, DiskTarget.file(absolute, disk, format)));
    return targets;
  }

  /**
   * What is there and written over.
   *
   * @param words {@code TARGET} where one disk is meant, else {@code N=TARGET} for each disk that
   *     is restored
   * @throws OperatorException USAGE when it is not clear which disk goes where
   */
  public static Map<Integer, DiskTarget> onto(TreeSet<Integer> disks, List<String> words) {
    Map<Integer, DiskTarget> targets = new TreeMap<>();
    for (String word : words) {
      Matcher numbered = NUMBERED.matcher(word);
      boolean named = numbered.matches();
      if (!named && (disks.size() != 1 || words.size() != 1)) {
        throw OperatorException.usage(
            "'" + word + "' does not say for which disk; say N=" + word + ", N one of " + disks,
            null);
      }
      int disk = named ? Integer.parseInt(numbered.group(1)) : disks.first();
      String place = named ? numbered.group(2) : word;
      if (!disks.contains(disk)) {
        throw OperatorException.notFound(
            "no disk " + disk + " is to be restored; there are " + disks);
      }
      if (targets.put(disk, DiskTarget.onto(place)) != null) {
        throw OperatorException.usage("disk " + disk + " has two targets", null);
      }
    }
    return targets;
  }
}
