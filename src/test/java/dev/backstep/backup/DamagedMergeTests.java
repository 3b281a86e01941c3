package dev.backstep.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.Compression;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Damage must not get checksums that call it right. */
class DamagedMergeTests {

  private static final int CLUSTER = ClusterMap.CLUSTER_BYTES;

  @TempDir Path temp;

  private LayeredDisk chain() throws IOException {
    LayeredDisk disk = new LayeredDisk(temp.resolve("repository"));
    disk.add(8 * CLUSTER, Compression.NONE, 1, index -> "ddddd..d".charAt(index));
    disk.add(8 * CLUSTER, Compression.NONE, 2, index -> ".d.z.dz.".charAt(index));
    disk.add(8 * CLUSTER, Compression.NONE, 3, index -> "..dd...z".charAt(index));
    return disk;
  }

  private static void merge(LayeredDisk disk) throws IOException {
    ImageMerge.Request request =
        new ImageMerge.Request(disk.folder, disk.ids.get(2), Optional.empty(), Compression.ZSTD, 1);
    try (ImageMerge merge = ImageMerge.open(request, Optional.empty())) {
      while (merge.put()) {}
    }
  }

  @Test
  void damagedDataIsNotMerged() throws Exception {
    LayeredDisk disk = chain();
    try (RandomAccessFile file =
        new RandomAccessFile(disk.folder.image(disk.ids.get(0)).toFile(), "rw")) {
      long at = 2 * CLUSTER + CLUSTER + 17;
      file.seek(at);
      int old = file.read();
      file.seek(at);
      file.write(old ^ 1);
    }

    assertThatThrownBy(() -> merge(disk))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(disk.ids.get(0).value())
        .hasMessageContaining("as they were written");
    assertThat(disk.folder.chain(disk.ids.get(2))).hasSize(3);
  }

  /** Fewer of them compare less of it, and another's say nothing. */
  @ParameterizedTest
  @ValueSource(strings = {"the last one cut off", "none", "those of another image"})
  void checksumsThatTheManifestDoesNotNameAreNoProof(String what) throws Exception {
    LayeredDisk disk = chain();
    Path sums = disk.folder.checksums(disk.ids.get(1));
    byte[] bytes = Files.readAllBytes(sums);
    switch (what) {
      case "none" -> Files.delete(sums);
      case "the last one cut off" -> Files.write(sums, Arrays.copyOf(bytes, bytes.length - 16));
      default -> Files.write(sums, Files.readAllBytes(disk.folder.checksums(disk.ids.get(0))));
    }

    assertThatThrownBy(() -> merge(disk))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(sums.getFileName() + "");

    assertThat(disk.folder.published(disk.ids.get(2)).mergedAt()).isNull();
  }
}
