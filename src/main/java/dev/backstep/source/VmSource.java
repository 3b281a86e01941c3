package dev.backstep.source;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.RepositoryId;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Where one VM's disks come from. Marks that a source leaves behind (bitmaps, checkpoints) carry
 * our name, the repository's id and the backup's id, see {@link MarkName}.
 */
public interface VmSource {

  /**
   * Makes a snapshot: all disks at one instant, each with a new change id where the source tracks
   * changes. Nothing is left behind at the source when this throws.
   *
   * @throws SourceException when the VM or a disk is not there, is locked, or refuses
   */
  Snapshot snapshot(SnapshotRequest request) throws SourceException;

  /**
   * Takes up a snapshot again that an earlier process made.
   *
   * @param handle what {@link Snapshot#handle()} gave
   * @throws SnapshotGoneException when it is gone, or the source cannot show that it still holds
   *     the same moment
   * @throws SourceException when the source cannot be asked now; trying again later may help
   */
  Snapshot reattach(SnapshotRequest request, String handle)
      throws SnapshotGoneException, SourceException;

  /**
   * Removes marks of ours at the source that belong to this repository and are not to be kept.
   * Marks of others, and of other repositories, are never touched. Called when no snapshot is open;
   * a disk that is not named, or is not there any more, is left alone.
   *
   * @param keep for each disk the change ids that are still needed
   * @throws SourceException when a mark could not be removed; the next call tries again
   */
  void releaseMarks(RepositoryId repository, Map<DiskKey, Set<ChangeId>> keep)
      throws SourceException;

  /**
   * Looks at what a backup needs of this source; changes nothing. What cannot be asked is a
   * finding, too. Empty where there is nothing to look at beside the disks that a definition lists.
   *
   * @param exclude disks that are not backed up
   */
  default List<SourceFinding> examine(Set<DiskKey> exclude) {
    return List.of();
  }

  /**
   * How large the VM's disks are now, in bytes, in the source's order. Changes nothing, and a
   * running VM may be writing to them.
   *
   * @param exclude disks that are not looked at
   * @throws SourceException when the source cannot tell
   */
  default Map<DiskKey, Long> sizes(Set<DiskKey> exclude) throws SourceException {
    throw new SourceException(
        SourceException.Kind.FAILED,
        "a source of this type tells the sizes of disks only with a snapshot; name them with the"
            + " request");
  }
}
