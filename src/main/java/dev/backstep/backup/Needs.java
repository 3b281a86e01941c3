package dev.backstep.backup;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Which backups others stand on. A backup stays whole or goes whole, so one that is needed by one
 * of its disks needs, in turn, what its other disks stand on. Stateless, thread-safe.
 */
public final class Needs {

  private Needs() {}

  /** An image of a VM in a repository and the one that it stands on. */
  public record Image(DiskBackupId id, BackupId backup, Optional<DiskBackupId> base) {}

  /**
   * @param staying backups that stay whatever the images say
   * @return of each backup that stays only because of others, one that stands on it
   */
  public static Map<BackupId, BackupId> neededBy(Collection<Image> images, Set<BackupId> staying) {
    Map<DiskBackupId, Image> byId =
        images.stream().collect(Collectors.toMap(Image::id, image -> image));
    Map<BackupId, List<Image>> byBackup = new HashMap<>();
    images.forEach(
        image -> byBackup.computeIfAbsent(image.backup(), id -> new ArrayList<>()).add(image));
    Map<BackupId, BackupId> needed = new LinkedHashMap<>();
    Deque<BackupId> open = new ArrayDeque<>(staying);
    while (!open.isEmpty()) {
      BackupId backup = open.remove();
      for (Image image : byBackup.getOrDefault(backup, List.of())) {
        Optional<Image> base = image.base().map(byId::get);
        if (base.isPresent()
            && !staying.contains(base.get().backup())
            && needed.putIfAbsent(base.get().backup(), backup) == null) {
          open.add(base.get().backup());
        }
      }
    }
    return needed;
  }
}
