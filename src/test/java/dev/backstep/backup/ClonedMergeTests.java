package dev.backstep.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.blockio.SharedBlocks;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.Compression;
import dev.backstep.repository.DiskManifest;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The same where the file system shares blocks: the lowest image is cloned, not copied. */
class ClonedMergeTests extends ImageMergeTests {

  private static final int CLUSTER = ClusterMap.CLUSTER_BYTES;

  @RegisterExtension final SharedBlocks files = new SharedBlocks();

  private boolean isCloned(LayeredDisk disk, int image) {
    return files.shared().stream()
        .anyMatch(shared ->
            shared.sourceOffset() == CLUSTER
                && shared.length() > CLUSTER // not only tried
                && shared.source().equals(disk.folder.image(disk.ids.get(image))));
  }

  private LayeredDisk wide(ChecksumKind kind) throws IOException {
    LayeredDisk disk = new LayeredDisk(temp.resolve("repository"));
    disk.clustersAtOnce = 8;
    disk.add(16 * CLUSTER, Compression.NONE, kind, 1, index -> index < 12 ? 'd' : '.');
    disk.add(16 * CLUSTER, Compression.NONE, kind, 2, index -> "..dd.z........d.".charAt(index));
    return disk;
  }

  @ParameterizedTest
  @CsvSource({"CRC32C", "SHA_256"})
  void onlyWhatTheOverlayHasIsPutIntoTheClone(ChecksumKind kind) throws Exception {
    LayeredDisk disk = wide(kind);

    merge(disk, 1, -1, Compression.NONE);

    assertThat(isCloned(disk, 0)).isTrue();
    assertThat(
            files.shared().stream()
                .filter(shared -> shared.source().equals(disk.folder.image(disk.ids.get(1))))
                .mapToLong(SharedBlocks.Shared::length))
        .containsExactly(2L * CLUSTER, (long) CLUSTER);
    assertThat(disk.folder.published(disk.ids.get(1)).dataBytes()).isEqualTo(12 * CLUSTER);
    assertRight(disk, 0);
  }

  /** What became zeros takes no room any more. */
  @Test
  void zerosLeaveHoles() throws Exception {
    LayeredDisk disk = new LayeredDisk(temp.resolve("repository"));
    disk.add(64 * CLUSTER, Compression.NONE, 1, index -> 'd');
    disk.add(64 * CLUSTER, Compression.NONE, 2, index -> index % 2 == 0 ? 'z' : '.');

    merge(disk, 1, -1, Compression.NONE);

    Path image = disk.folder.image(disk.ids.get(1));
    assertThat(Tool.allocatedBytes(image)).isBetween(32L * CLUSTER, 40L * CLUSTER);
    assertRight(disk, 0);
  }

  /** A chain that is merged again and again, its root always the clone of the last one. */
  @Test
  void mergedImagesAreMergedAgain() throws Exception {
    Random random = new Random(5);
    LayeredDisk disk = new LayeredDisk(temp.resolve("repository"));
    int clusters = 40;
    int cloned = 0;
    for (int i = 0; i < 12; i++) {
      String kinds = i == 0 ? "d." : "...dz";
      disk.clustersAtOnce = 1 + random.nextInt(8);
      disk.add(
          clusters * CLUSTER,
          Compression.NONE,
          i,
          index -> kinds.charAt(random.nextInt(kinds.length())));
    }
    for (int i = 1; i < 12; i++) {
      merge(disk, i, -1, Compression.NONE);
      cloned += isCloned(disk, i - 1) ? 1 : 0;
      disk.folder.removeImage(disk.ids.get(i - 1));
      assertRight(disk, i);
    }
    assertThat(cloned).isGreaterThan(5);
    long length = Files.size(disk.folder.image(disk.ids.get(11)));
    assertThat(length).isLessThan((2L * clusters + 20) * CLUSTER);
  }

  /**
   * Whatever is damaged in the lowest image, beside what is replaced or under it, does not fit the
   * merged image's checksums: damage may be found where it was, never be called right.
   */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 4, 7, 8, 11})
  void damageIsNotCalledRight(int cluster) throws Exception {
    for (ChecksumKind kind : List.of(ChecksumKind.CRC32C, ChecksumKind.SHA_256)) {
      LayeredDisk disk = new LayeredDisk(temp.resolve("repository-" + kind));
      disk.clustersAtOnce = 8;
      disk.add(12 * CLUSTER, Compression.NONE, kind, 1, index -> 'd');
      disk.add(12 * CLUSTER, Compression.NONE, kind, 2, index -> "..dd.z..d...".charAt(index));
      flip(disk.folder.image(disk.ids.get(0)), 3L * CLUSTER + (long) cluster * CLUSTER + 17);

      assertNotCalledRight(disk, 0);
    }
  }

  /** It is refused and the damaged image named, or told of the merged one. */
  private static void assertNotCalledRight(LayeredDisk disk, int damaged) throws IOException {
    DiskManifest.Replacement made;
    try {
      made = made(disk);
    } catch (IOException e) {
      assertThat(e)
          .hasMessageContaining(disk.ids.get(damaged).value())
          .hasMessageContaining("as they were written");
      return;
    }
    disk.folder.replace(disk.ids.get(1), made);
    try (ImageCheck check = new ImageCheck(disk.folder, disk.ids.get(1))) {
      check.openData(0, true);
      assertThat(check.data(Long.MAX_VALUE).damages()).hasSize(1);
    }
  }

  private static DiskManifest.Replacement made(LayeredDisk disk) throws IOException {
    ImageMerge.Request request =
        new ImageMerge.Request(disk.folder, disk.ids.get(1), Optional.empty(), Compression.NONE, 1);
    try (ImageMerge merge = ImageMerge.open(request, Optional.empty())) {
      while (merge.put()) {}
      return merge.finish(Instant.EPOCH);
    }
  }

  private static void flip(Path image, long at) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
      file.seek(at);
      int old = file.read();
      file.seek(at);
      file.write(old ^ 1);
    }
  }

  /** What is laid over the clone is compared where its checksum is not taken over whole. */
  @ParameterizedTest
  @CsvSource({"CRC32C", "SHA_256"})
  void damageInAnOverlayIsNotCalledRight(ChecksumKind kind) throws Exception {
    LayeredDisk disk = wide(kind);
    flip(disk.folder.image(disk.ids.get(1)), 3L * CLUSTER + 5);

    assertNotCalledRight(disk, 1);
  }

  /** Only what is whole and at its place in the clone may go on being used there. */
  @Test
  void disksThatBecameSmallerAreCopied() throws Exception {
    LayeredDisk disk = new LayeredDisk(temp.resolve("repository"));
    disk.add(6 * CLUSTER, Compression.NONE, 1, index -> 'd');
    disk.add(3 * CLUSTER, Compression.NONE, 2, index -> index == 1 ? 'd' : '.');

    merge(disk, 1, -1, Compression.NONE);

    assertThat(isCloned(disk, 0)).isFalse();
    assertRight(disk, 0);
  }

  /** What is free in a clone is never taken again: such a file is written anew now and then. */
  @Test
  void filesThatAreMostlyFreeAreCopied() throws Exception {
    LayeredDisk disk = new LayeredDisk(temp.resolve("repository"));
    disk.add(64 * CLUSTER, Compression.NONE, 1, index -> 'd');
    disk.add(64 * CLUSTER, Compression.NONE, 2, index -> index < 50 ? 'z' : '.');
    disk.add(64 * CLUSTER, Compression.NONE, 3, index -> index == 60 ? 'd' : '.');

    merge(disk, 1, -1, Compression.NONE);
    assertThat(Files.size(disk.folder.image(disk.ids.get(1)))).isGreaterThan(64L * CLUSTER);
    merge(disk, 2, -1, Compression.NONE);

    assertThat(isCloned(disk, 0)).isTrue();
    assertThat(isCloned(disk, 1)).isFalse();
    assertThat(Files.size(disk.folder.image(disk.ids.get(2)))).isLessThan(24L * CLUSTER);
    assertRight(disk, 1);
  }

  /** As on Btrfs where only one of two files has checksums of the file system's own. */
  @ParameterizedTest
  @CsvSource({"CRC32C", "SHA_256"})
  void overlaysThatCannotBeSharedAreCopiedIntoTheClone(ChecksumKind kind) throws Exception {
    LayeredDisk disk = wide(kind);
    files.refuse(disk.folder.image(disk.ids.get(1)));

    merge(disk, 1, -1, Compression.NONE);

    assertThat(isCloned(disk, 0)).isTrue();
    assertRight(disk, 0);
  }

  /** What an overlay supersedes as a whole is not asked what it was. */
  @Test
  void rotUnderWhatIsSupersededAsAWholeIsGone() throws Exception {
    LayeredDisk disk = new LayeredDisk(temp.resolve("repository"));
    disk.clustersAtOnce = 4;
    disk.add(12 * CLUSTER, Compression.NONE, 1, index -> 'd');
    disk.clustersAtOnce = 3;
    disk.add(12 * CLUSTER, Compression.NONE, 2, index -> index > 3 && index < 8 ? 'd' : '.');
    flip(disk.folder.image(disk.ids.get(0)), 3L * CLUSTER + 5L * CLUSTER + 17);

    merge(disk, 1, -1, Compression.NONE);

    assertThat(isCloned(disk, 0)).isTrue();
    assertRight(disk, 1);
  }

  @Test
  void disksThatGrewAreCloned() throws Exception {
    LayeredDisk disk = new LayeredDisk(temp.resolve("repository"));
    disk.add(6 * CLUSTER, Compression.NONE, 1, index -> 'd');
    disk.add(8 * CLUSTER + 700, Compression.NONE, 2, index -> index > 4 ? 'd' : '.');

    merge(disk, 1, -1, Compression.NONE);

    assertThat(isCloned(disk, 0)).isTrue();
    assertRight(disk, 0);
  }

  /** Such an error is told and not taken for "cannot": a full disk is no reason to copy it all. */
  @Test
  void fullDiskIsTold() throws Exception {
    LayeredDisk disk = wide(ChecksumKind.CRC32C);
    for (int room = 0; room < 3; room++) {
      files.leaveRoom(room);

      assertThatThrownBy(() -> made(disk))
          .isInstanceOf(IOException.class)
          .hasMessageContaining(disk.folder.merging(disk.ids.get(1)).toString())
          .hasMessageContaining("No space left on device; free space");
    }
    files.leaveRoom(Integer.MAX_VALUE);
    merge(disk, 1, -1, Compression.NONE);
    assertRight(disk, 0);
  }
}
