package dev.backstep.source.libvirt;

import dev.backstep.source.Snapshot;
import dev.backstep.source.SourceDisk;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** The disks of a domain that is off, by their files. */
record OffSnapshot(Handle known, Snapshot files, Map<String, String> vmDefinition)
    implements Snapshot {

  @Override
  public String handle() {
    return known.text();
  }

  @Override
  public Instant takenAt() {
    return files.takenAt();
  }

  @Override
  public List<SourceDisk> disks() {
    return files.disks();
  }

  @Override
  public void close() {
    files.close();
  }
}
