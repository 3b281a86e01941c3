package dev.backstep.source.nbd;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.SourceDefinition.DiskDefinition;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SnapshotGoneException;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.SourceDisk;
import dev.backstep.source.SourceException;
import dev.backstep.source.VmSource;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * Exports of NBD servers. Who runs the servers makes the snapshot, and its marks: what they export
 * must not change while it is read. No marks of ours are left there.
 */
final class NbdSource implements VmSource {

  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final List<DiskDefinition> disks;

  NbdSource(List<DiskDefinition> disks) {
    this.disks = List.copyOf(disks);
  }

  /** What a snapshot is known by: when it was opened, and how large each disk was. */
  record Handle(String takenAt, Map<String, Long> sizes) {}

  private record OpenedSnapshot(Instant takenAt, List<SourceDisk> disks, String handle)
      implements Snapshot {
    @Override
    public void close() {}
  }

  @Override
  public Snapshot snapshot(SnapshotRequest request) throws SourceException {
    return open(request, Instant.now());
  }

  private Snapshot open(SnapshotRequest request, Instant takenAt) throws SourceException {
    List<SourceDisk> opened = new ArrayList<>();
    Map<String, Long> sizes = new java.util.TreeMap<>();
    for (DiskDefinition disk : disks) {
      if (!request.exclude().contains(disk.key())) {
        NbdDisk found = NbdDisk.find(disk);
        sizes.put(disk.key().value(), found.sizeBytes());
        opened.add(found);
      }
    }
    String handle = JSON.writeValueAsString(new Handle(takenAt.toString(), sizes));
    return new OpenedSnapshot(takenAt, List.copyOf(opened), handle);
  }

  @Override
  public Snapshot reattach(SnapshotRequest request, String handle)
      throws SnapshotGoneException, SourceException {
    Handle then;
    try {
      then = JSON.readValue(handle, Handle.class);
    } catch (JacksonException e) {
      throw new SnapshotGoneException("the snapshot's handle cannot be read: " + e.getMessage());
    }
    for (DiskDefinition disk : disks) {
      if (!request.exclude().contains(disk.key()) && !NbdDisk.isStable(disk)) {
        throw new SnapshotGoneException(
            "disk "
                + disk.key()
                + ": an NBD server cannot show that it still holds the same moment; where it does,"
                + " say `snapshot: stable` for the disk in the job definition");
      }
    }
    Snapshot now = open(request, Instant.parse(then.takenAt()));
    for (SourceDisk disk : now.disks()) {
      Long size = then.sizes().get(disk.key().value());
      if (size == null || size != disk.sizeBytes()) {
        throw new SnapshotGoneException(
            "disk "
                + disk.key()
                + " had "
                + size
                + " bytes at the snapshot and has "
                + disk.sizeBytes()
                + " now");
      }
    }
    return now;
  }

  @Override
  public Map<DiskKey, Long> sizes(Set<DiskKey> exclude) throws SourceException {
    Map<DiskKey, Long> sizes = new LinkedHashMap<>();
    for (DiskDefinition disk : disks) {
      if (!exclude.contains(disk.key())) {
        sizes.put(disk.key(), NbdDisk.find(disk).sizeBytes());
      }
    }
    return sizes;
  }

  @Override
  public void releaseMarks(RepositoryId repository, Map<DiskKey, Set<ChangeId>> keep) {
    // The marks belong to whoever runs the server.
  }
}
