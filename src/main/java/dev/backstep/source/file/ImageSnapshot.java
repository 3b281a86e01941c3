package dev.backstep.source.file;

import dev.backstep.source.Snapshot;
import dev.backstep.source.SourceDisk;
import dev.backstep.source.SourceException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** The opened disks of a VM that does not run. */
final class ImageSnapshot implements Snapshot {

  private final Instant takenAt;
  private final List<ImageDisk> disks;
  private final String handle;

  ImageSnapshot(Instant takenAt, List<ImageDisk> disks) throws SourceException {
    this.takenAt = takenAt;
    this.disks = List.copyOf(disks);
    List<DiskHandle> handles = new ArrayList<>();
    for (ImageDisk disk : disks) {
      handles.add(disk.handle());
    }
    this.handle = new DiskHandle.All(takenAt.toString(), handles).text();
  }

  @Override
  public String handle() {
    return handle;
  }

  @Override
  public Instant takenAt() {
    return takenAt;
  }

  @Override
  public List<SourceDisk> disks() {
    return List.copyOf(disks);
  }

  @Override
  public void close() {
    disks.forEach(ImageDisk::close);
  }
}
