package dev.backstep.job;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import java.util.ArrayList;
import java.util.List;

/**
 * What merges shall do.
 *
 * @param going backups that shall go, each in front of those that it stands on, once nothing stands
 *     on them
 * @param roots images that shall stand on nothing
 */
public record MergeWork(List<BackupId> going, List<DiskBackupId> roots) {

  private static final String GO = "go ";
  private static final String ROOT = "root ";

  public MergeWork {
    going = List.copyOf(going);
    roots = List.copyOf(roots);
  }

  public boolean isEmpty() {
    return going.isEmpty() && roots.isEmpty();
  }

  /** The form that {@link #parse} reads: a line each. */
  @Override
  public String toString() {
    List<String> lines = new ArrayList<>();
    going.forEach(id -> lines.add(GO + id.value()));
    roots.forEach(id -> lines.add(ROOT + id.value()));
    return String.join("\n", lines);
  }

  /**
   * @throws IllegalArgumentException when the text is not what {@link #toString} gives
   */
  public static MergeWork parse(String text) {
    List<BackupId> going = new ArrayList<>();
    List<DiskBackupId> roots = new ArrayList<>();
    text.lines()
        .forEach(line -> {
          if (line.startsWith(GO)) {
            going.add(new BackupId(line.substring(GO.length())));
          } else if (line.startsWith(ROOT)) {
            roots.add(new DiskBackupId(line.substring(ROOT.length())));
          } else {
            throw new IllegalArgumentException("'" + line + "' is nothing that merges do");
          }
        });
    return new MergeWork(going, roots);
  }
}
