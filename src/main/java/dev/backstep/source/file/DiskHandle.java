package dev.backstep.source.file;

import dev.backstep.source.SnapshotGoneException;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a snapshot of one disk is known by.
 *
 * @param mark the bitmap made at the snapshot; null where the disk can have none
 * @param file what shows that a raw file, or a qcow2 file without bitmaps, was not written; null
 *     where nothing can
 */
record DiskHandle(
    String key, String path, long size, @Nullable String mark, @Nullable FileIdentity file) {

  /** The handle of a whole snapshot. */
  record All(String takenAt, List<DiskHandle> disks) {

    private static final JsonMapper JSON = JsonMapper.builder().build();

    String text() {
      return JSON.writeValueAsString(this);
    }

    Instant at() {
      return Instant.parse(takenAt);
    }

    static All parse(String text) throws SnapshotGoneException {
      try {
        return JSON.readValue(text, All.class);
      } catch (JacksonException e) {
        throw new SnapshotGoneException("the snapshot's handle cannot be read: " + e.getMessage());
      }
    }
  }
}
