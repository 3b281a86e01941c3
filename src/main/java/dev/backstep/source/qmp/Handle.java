package dev.backstep.source.qmp;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.source.ChangedAnswer;
import dev.backstep.source.ExportedDisk;
import dev.backstep.source.GuestGuard;
import dev.backstep.source.SnapshotGoneException;
import dev.backstep.source.file.EndMark;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a snapshot of a running QEMU is known by.
 *
 * @param work what names of its nodes, jobs and exports begin with
 * @param socket where its disks are exported
 * @param takenAt ISO 8601
 */
record Handle(String work, String socket, String takenAt, List<Disk> disks) {

  private static final JsonMapper JSON = JsonMapper.builder().build();

  /**
   * One disk; its place in the list is its number in names.
   *
   * @param changeId the mark of this moment; null for a disk that is not tracked
   * @param since the change id whose bitmap is exported; null for none
   * @param sizeThen bytes of the disk at that change id
   * @param clusterBytes size of a cluster of its image
   * @param backed whether that has a backing image
   * @param untracked whether the disk tracks no changes at all; without meaning with {@code since}
   * @param cause why there is no bitmap
   */
  record Disk(
      String key,
      long size,
      @Nullable String changeId,
      @Nullable String since,
      long sizeThen,
      long clusterBytes,
      boolean backed,
      boolean untracked,
      String cause) {

    ExportedDisk exported(OwnWork.Names names, int number, int connections, GuestGuard guard) {
      return new ExportedDisk(
          new DiskKey(key),
          names.uri(number),
          size,
          Optional.ofNullable(changeId).map(ChangeId::new),
          tracking(names.of(number)),
          connections,
          guard::trouble);
    }

    private ExportedDisk.Tracking tracking(String bitmap) {
      if (since != null) {
        ChangeId then = new ChangeId(since);
        EndMark end = EndMark.of(then, sizeThen);
        return new ExportedDisk.Tracking.Since(
            then, bitmap, visitor -> end.unmarked(size, clusterBytes, backed, visitor));
      }
      return new ExportedDisk.Tracking.None(
          untracked ? new ChangedAnswer.Unavailable(cause) : new ChangedAnswer.Reset(cause));
    }
  }

  OwnWork.Names names() {
    return new OwnWork.Names(work, Path.of(socket));
  }

  String text() {
    return JSON.writeValueAsString(this);
  }

  Instant at() {
    return Instant.parse(takenAt);
  }

  /** Empty for the handle of files of a VM that was off. */
  static Optional<Handle> parse(String text) throws SnapshotGoneException {
    try {
      return JSON.readTree(text).has("work")
          ? Optional.of(JSON.readValue(text, Handle.class))
          : Optional.empty();
    } catch (JacksonException e) {
      throw new SnapshotGoneException("the snapshot's handle cannot be read: " + e.getMessage());
    }
  }
}
