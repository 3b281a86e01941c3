package dev.backstep.backup;

import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.ChecksumLog;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.Compression;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.qcow2.Qcow2Spec;
import dev.backstep.qcow2.Qcow2Writer;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.SourceDisk;
import dev.backstep.source.SourceProvider;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** A full copy of a disk as {@link DiskBackup} makes it, to measure single parts of it. */
public final class ImageCopy {

  private static final int AHEAD = 8;
  private static final int BLOCKS = AHEAD + 16;

  private ImageCopy() {}

  /** Where the checksums of an image go. */
  public static Path checksums(Path image) {
    return image.resolveSibling(image.getFileName() + ".sums");
  }

  /** Copies the first disk of a source. */
  public static void run(
      SourceProvider provider,
      SourceDefinition definition,
      Path image,
      Optional<ChecksumKind> checksums)
      throws Exception {
    Path run = Files.createDirectories(image.resolveSibling("run"));
    SnapshotRequest request =
        new SnapshotRequest(
            new RepositoryId("copy"),
            new BackupId("copy-" + System.nanoTime()),
            Map.of(),
            Set.of());
    try (Snapshot snapshot = provider.open(definition, run).snapshot(request)) {
      copy(
          snapshot.disks().getFirst(),
          image,
          checksums.isEmpty()
              ? Optional.empty()
              : Optional.of(ChecksumLog.create(checksums(image), checksums.get())));
    }
  }

  private static void copy(SourceDisk source, Path target, Optional<ChecksumLog> checksums)
      throws Exception {
    ClusterMap clusters = new ClusterMap(source.sizeBytes());
    source.allocated(clusters);
    clusters.dropZeros();
    Qcow2Spec spec =
        new Qcow2Spec(
            source.sizeBytes(),
            Optional.empty(),
            Integer.numberOfTrailingZeros(ClusterMap.CLUSTER_BYTES),
            Compression.NONE,
            1);
    try (Qcow2Writer image = Qcow2Writer.create(target, spec, checksums);
        BlockReader disk = source.open(BLOCKS);
        ReadAhead ahead =
            new ReadAhead(disk, Optional.empty(), new BlockPlan(clusters, 0), AHEAD)) {
      ImageFill fill = new ImageFill(image);
      long forcedAt = System.nanoTime();
      for (var next = ahead.next(); next.isPresent(); next = ahead.next()) {
        fill.put(next.get());
        if (System.nanoTime() - forcedAt > 250_000_000L) {
          image.beginCheckpoint();
          forcedAt = System.nanoTime();
        }
      }
      image.finish();
    }
    if (checksums.isPresent()) {
      checksums.get().close();
    }
  }
}
