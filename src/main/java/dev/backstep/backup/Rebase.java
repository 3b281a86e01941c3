package dev.backstep.backup;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * An image that is to stand on another one than now, showing the same: those between are merged
 * into it.
 *
 * @param base what it shall stand on, one of those under it; empty for nothing
 */
public record Rebase(DiskBackupId image, Optional<DiskBackupId> base) {

  /** An image of a VM in a repository and the one that it stands on. */
  public record Image(DiskBackupId id, BackupId backup, Optional<DiskBackupId> base) {}

  /**
   * What it takes for nothing that stays to stand on what goes.
   *
   * @param images all of the VM, each behind the one that it stands on
   * @param going backups that shall go
   * @param roots images that shall stand on nothing
   */
  public static List<Rebase> of(
      Collection<Image> images, Set<BackupId> going, Set<DiskBackupId> roots) {
    Map<DiskBackupId, Image> byId =
        images.stream().collect(Collectors.toMap(Image::id, image -> image));
    List<Rebase> rebases = new ArrayList<>();
    for (Image image : images) {
      if (going.contains(image.backup()) || image.base().isEmpty()) {
        continue;
      }
      Optional<DiskBackupId> base =
          roots.contains(image.id()) ? Optional.empty() : staying(image, byId, going);
      if (!base.equals(image.base())) {
        rebases.add(new Rebase(image.id(), base));
      }
    }
    return rebases;
  }

  private static Optional<DiskBackupId> staying(
      Image image, Map<DiskBackupId, Image> byId, Set<BackupId> going) {
    Optional<DiskBackupId> base = image.base();
    for (int steps = 0; steps <= byId.size() && base.isPresent(); steps++) {
      Image below = byId.get(base.get());
      if (below == null || !going.contains(below.backup())) {
        return base;
      }
      base = below.base();
    }
    return base;
  }
}
