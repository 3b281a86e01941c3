package dev.backstep.catalog;

import dev.backstep.domain.DiskBackupId;
import java.time.Instant;
import java.util.Map;

/**
 * What the catalog keeps of a backup for its mover.
 *
 * @param deadline by when the mover has to give a sign of life
 * @param exports whether each image is exported to the mover
 * @param host where the exports are, as in {@link ProcessIdentity#host}
 */
public record MoverState(
    Instant deadline, boolean exports, String host, Map<DiskBackupId, Export> disks) {

  public MoverState {
    disks = Map.copyOf(disks);
  }

  /**
   * The export of one disk's image.
   *
   * @param open whether it was begun and not ended in an orderly way, whether it is there or not
   * @param breaks how often it was found to have broken off
   */
  public record Export(boolean open, int breaks) {}
}
