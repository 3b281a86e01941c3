package dev.backstep.source.libvirt;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.nbd.NbdUri;
import dev.backstep.source.ChangedAnswer;
import dev.backstep.source.ExportedDisk;
import dev.backstep.source.GrownDisk;
import dev.backstep.source.GuestGuard;
import dev.backstep.source.SnapshotGoneException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a snapshot is known by.
 *
 * @param takenAt ISO 8601
 * @param socket of the backup job; null for a domain that is off
 * @param disks of the backup job; empty for a domain that is off
 * @param files the handle of its files; null for a running domain
 */
record Handle(
    String uuid,
    String takenAt,
    @Nullable String socket,
    List<Disk> disks,
    @Nullable String files) {

  private static final JsonMapper JSON = JsonMapper.builder().build();

  /**
   * One disk of a backup job.
   *
   * @param since the change id whose bitmap is exported; null for none
   * @param sizeThen bytes of the disk at that change id
   * @param untracked whether the disk tracks no changes at all; without meaning with {@code since}
   * @param cause why there is no bitmap
   */
  record Disk(
      String key,
      long size,
      @Nullable String changeId,
      @Nullable String since,
      long sizeThen,
      boolean untracked,
      String cause) {

    ExportedDisk exported(Path socket, int connections, GuestGuard guard) {
      return new ExportedDisk(
          new DiskKey(key),
          NbdUri.unix(socket, key),
          size,
          Optional.ofNullable(changeId).map(ChangeId::new),
          tracking(),
          connections,
          guard::trouble);
    }

    private ExportedDisk.Tracking tracking() {
      if (since != null) {
        return new ExportedDisk.Tracking.Since(
            new ChangeId(since),
            BackupJob.bitmap(new DiskKey(key)),
            visitor -> GrownDisk.unmarked(sizeThen, size, visitor));
      }
      return new ExportedDisk.Tracking.None(
          untracked ? new ChangedAnswer.Unavailable(cause) : new ChangedAnswer.Reset(cause));
    }
  }

  String text() {
    return JSON.writeValueAsString(this);
  }

  Instant at() {
    return Instant.parse(takenAt);
  }

  static Handle parse(String text) throws SnapshotGoneException {
    try {
      return JSON.readValue(text, Handle.class);
    } catch (JacksonException e) {
      throw new SnapshotGoneException("the snapshot's handle cannot be read: " + e.getMessage());
    }
  }
}
