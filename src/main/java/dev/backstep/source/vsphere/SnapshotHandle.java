package dev.backstep.source.vsphere;

import dev.backstep.source.SnapshotGoneException;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a snapshot is found by in another process.
 *
 * @param instanceUuid the VM's: a moref alone may be another VM's, at another vCenter
 * @param disks sizes in bytes by key
 */
record SnapshotHandle(
    String machine, String instanceUuid, String snapshot, String mark, Map<String, Long> disks) {

  private static final JsonMapper JSON = JsonMapper.builder().build();

  SnapshotHandle {
    disks = Map.copyOf(disks);
  }

  String text() {
    return JSON.writeValueAsString(this);
  }

  static SnapshotHandle parse(String text) throws SnapshotGoneException {
    try {
      return JSON.readValue(text, SnapshotHandle.class);
    } catch (JacksonException | NullPointerException e) {
      throw new SnapshotGoneException("the snapshot's handle cannot be read: " + e.getMessage());
    }
  }
}
