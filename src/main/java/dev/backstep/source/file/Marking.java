package dev.backstep.source.file;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.source.MarkName;
import dev.backstep.source.SnapshotRequest;
import java.util.OptionalLong;

/** How the snapshots of a source are marked in qcow2 files. */
public interface Marking {

  /** A mark of its own for each disk, and beside it the one that shows the disk's end. */
  Marking OF_EACH_DISK =
      new Marking() {
        @Override
        public ChangeId next(SnapshotRequest request) {
          return MarkName.next(request.repository(), request.backup());
        }

        @Override
        public boolean withEnd() {
          return true;
        }

        @Override
        public OptionalLong sizeAt(DiskKey disk, ChangeId mark) {
          return OptionalLong.empty();
        }
      };

  /** The mark of the next disk of a snapshot. */
  ChangeId next(SnapshotRequest request);

  /** Whether marks have an {@link EndMark} beside them. */
  boolean withEnd();

  /**
   * The size that a disk had when an earlier mark was made, in bytes, where something other than an
   * {@link EndMark} tells it.
   */
  OptionalLong sizeAt(DiskKey disk, ChangeId mark);
}
