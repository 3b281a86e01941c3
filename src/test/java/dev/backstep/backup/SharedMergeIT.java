package dev.backstep.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.repository.DiskManifest;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Merges on a real XFS. */
class SharedMergeIT {

  private static final int CLUSTER = ClusterMap.CLUSTER_BYTES;
  private static final int CLUSTERS = 1024;

  @TempDir Path temp;

  private Path xfs = Path.of("");

  @BeforeEach
  void mount() throws IOException {
    Path device = temp.resolve("blocks");
    xfs = Files.createDirectory(temp.resolve("xfs"));
    Tool.run("truncate", "-s", "1G", device);
    Tool.run("mkfs.xfs", "-q", device);
    Tool.run("mount", "-o", "loop", device, xfs);
  }

  @AfterEach
  void unmount() {
    Tool.run("umount", "--lazy", xfs); // this process keeps the repository's lock
  }

  private long taken() {
    Tool.run("sync", "-f", xfs);
    return Long.parseLong(
        Tool.run("df", "--output=used", "-B1", xfs).lines().toList().get(1).strip());
  }

  private static void merge(LayeredDisk disk, int image) throws IOException {
    DiskBackupId id = disk.ids.get(image);
    ImageMerge.Request request =
        new ImageMerge.Request(disk.folder, id, Optional.empty(), Compression.NONE, 1);
    try (ImageMerge merge = ImageMerge.open(request, Optional.empty())) {
      while (merge.put()) {}
      DiskManifest.Replacement next = merge.finish(Instant.EPOCH);
      while (merge.prove(1 << 20)) {}
      disk.folder.replace(id, next);
    }
  }

  @Test
  void mergedImagesTakeTheRoomOfTheirTablesOnly() throws Exception {
    Random random = new Random(3);
    LayeredDisk disk = new LayeredDisk(xfs.resolve("repository"));
    disk.clustersAtOnce = 32;
    disk.add(CLUSTERS * CLUSTER, Compression.NONE, 1, index -> index % 100 < 90 ? 'd' : '.');
    for (int i = 1; i < 5; i++) {
      disk.add(
          CLUSTERS * CLUSTER,
          Compression.NONE,
          i + 1,
          index -> "...................dz".charAt(random.nextInt(21)));
    }
    for (int i = 1; i < 5; i++) {
      long before = taken();

      merge(disk, i);

      assertThat(taken() - before).as("merge %d", i).isLessThan(4L << 20);
      assertThat(Arrays.mismatch(disk.shown(i), disk.expected(i))).isEqualTo(-1);
      Path raw = temp.resolve("expected.raw");
      Files.write(raw, disk.expected(i));
      Tool.checkImage(disk.folder.image(disk.ids.get(i)));
      Tool.compare(disk.folder.image(disk.ids.get(i)), "qcow2", raw, "raw");
    }
    for (int i = 0; i < 5; i++) {
      assertThat(Arrays.mismatch(disk.shown(i), disk.expected(i))).as("%d", i).isEqualTo(-1);
    }
  }

  /** A merged image needs little room, but some; it is merged once there is. */
  @Test
  void fullFileSystemIsTold() throws Exception {
    LayeredDisk disk = new LayeredDisk(xfs.resolve("repository"));
    disk.clustersAtOnce = 32;
    disk.add(CLUSTERS * CLUSTER, Compression.NONE, 1, index -> 'd');
    disk.add(CLUSTERS * CLUSTER, Compression.NONE, 2, index -> index % 3 == 0 ? 'd' : '.');
    Path filler = xfs.resolve("filler");
    Tool.tryRun("dd", "if=/dev/zero", "of=" + filler, "bs=1M"); // ends when the disk is full
    Tool.tryRun("dd", "if=/dev/zero", "of=" + filler, "bs=4k", "oflag=append", "conv=notrunc");
    Tool.run("sync", "-f", xfs);

    assertThatThrownBy(() -> merge(disk, 1))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("No space left on device")
        .hasMessageContaining("free space there");

    Files.delete(filler);
    merge(disk, 1);
    assertThat(Arrays.mismatch(disk.shown(1), disk.expected(1))).isEqualTo(-1);
  }
}
