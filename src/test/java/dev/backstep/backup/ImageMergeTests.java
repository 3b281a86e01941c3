package dev.backstep.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.blockio.DiskInUseException;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.qcow2.Qcow2Reader;
import dev.backstep.qcow2.WriterState;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.ReplacementSteps;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Images that are written anew on fewer others show what they showed, whatever happens. */
class ImageMergeTests {

  private static final int CLUSTER = ClusterMap.CLUSTER_BYTES;

  @TempDir Path temp;

  private static ImageMerge.Request request(
      LayeredDisk disk, int image, int base, Compression compression) {
    return new ImageMerge.Request(
        disk.folder,
        disk.ids.get(image),
        base < 0 ? Optional.empty() : Optional.of(disk.ids.get(base)),
        compression,
        1);
  }

  private static DiskManifest.Replacement written(ImageMerge.Request request) throws IOException {
    try (ImageMerge merge = ImageMerge.open(request, Optional.empty())) {
      while (merge.put()) {}
      assertThat(merge.bytesDone()).isEqualTo(merge.bytesTotal());
      return merge.finish(Instant.parse("2026-02-01T00:00:00Z"));
    }
  }

  static void merge(LayeredDisk disk, int image, int base, Compression compression)
      throws IOException {
    ImageMerge.Request request = request(disk, image, base, compression);
    disk.folder.replace(disk.ids.get(image), written(request));
  }

  /** By our reader, by stock qemu-img, by the manifests and by the checksums. */
  void assertRight(LayeredDisk disk, int from) throws IOException {
    for (int i = from; i < disk.ids.size(); i++) {
      DiskBackupId id = disk.ids.get(i);
      assertThat(Arrays.mismatch(disk.shown(i), disk.expected(i))).as("image %d", i).isEqualTo(-1);
      Path raw = temp.resolve("expected.raw");
      Files.write(raw, disk.expected(i));
      Tool.checkImage(disk.folder.image(id));
      Tool.compare(disk.folder.image(id), "qcow2", raw, "raw");
      List<DiskManifest> chain = disk.folder.chain(id);
      try (Qcow2Reader reader = Qcow2Reader.open(disk.folder.image(id), 2)) {
        assertThat(chain)
            .extracting(DiskManifest::image)
            .isEqualTo(reader.chain().stream().map(path -> path.getFileName().toString()).toList());
      }
      try (ImageCheck check = new ImageCheck(disk.folder, id)) {
        assertThat(check.structure()).isEmpty();
        check.openData(0, true);
        assertThat(check.data(Long.MAX_VALUE).damages()).isEmpty();
      }
    }
  }

  private LayeredDisk small(Compression compression) throws IOException {
    LayeredDisk disk = new LayeredDisk(temp.resolve("repository"));
    disk.add(8 * CLUSTER, compression, 1, index -> "ddddd..d".charAt(index));
    disk.add(8 * CLUSTER, compression, 2, index -> ".d.z.dz.".charAt(index));
    disk.add(8 * CLUSTER, compression, 3, index -> "..dd...z".charAt(index));
    disk.add(8 * CLUSTER, compression, 4, index -> "d....z..".charAt(index));
    return disk;
  }

  @ParameterizedTest
  @EnumSource(Compression.class)
  void theOldestOverlaysBecomeTheNewRoot(Compression compression) throws Exception {
    LayeredDisk disk = small(compression);

    merge(disk, 2, -1, compression);

    assertRight(disk, 0);
    DiskManifest manifest = disk.folder.published(disk.ids.get(2));
    assertThat(manifest.level()).isEqualTo("full");
    assertThat(manifest.reason()).isEqualTo("CHANGED_EXTENTS");
    assertThat(manifest.parent()).isNull();
    assertThat(manifest.changeId()).isEqualTo("mark-2");
    assertThat(manifest.mergedAt()).isEqualTo("2026-02-01T00:00:00Z");
    disk.folder.removeImage(disk.ids.get(0));
    disk.folder.removeImage(disk.ids.get(1));
    assertRight(disk, 2);
  }

  @ParameterizedTest
  @EnumSource(Compression.class)
  void overlaysBetweenTwoKeptImagesBecomeOne(Compression compression) throws Exception {
    LayeredDisk disk = small(compression);

    merge(disk, 3, 0, compression);

    assertRight(disk, 0);
    assertThat(disk.folder.chain(disk.ids.get(3))).hasSize(2);
  }

  @Test
  void plainImagesAreMergedIntoACompressedOneAndTheOtherWayRound() throws Exception {
    LayeredDisk disk = new LayeredDisk(temp.resolve("repository"));
    disk.add(4 * CLUSTER, Compression.ZSTD, 1, index -> 'd');
    disk.add(4 * CLUSTER, Compression.NONE, 2, index -> index == 1 ? 'd' : '.');
    disk.add(4 * CLUSTER, Compression.ZSTD, 3, index -> index == 2 ? 'd' : '.');

    merge(disk, 1, -1, Compression.ZSTD);
    assertRight(disk, 0);
    merge(disk, 2, -1, Compression.NONE);

    assertRight(disk, 0);
  }

  /** What a smaller disk had cut off reads as zeros in all that stand on it. */
  @ParameterizedTest
  @ValueSource(ints = {0, 512, 1000, CLUSTER / 2, CLUSTER - 512})
  void disksThatWereResizedKeepTheirZeros(int inCluster) throws Exception {
    LayeredDisk disk = new LayeredDisk(temp.resolve("repository"));
    disk.add(6 * CLUSTER + inCluster, Compression.NONE, 1, index -> 'd');
    disk.add(3 * CLUSTER + inCluster, Compression.NONE, 2, index -> index == 1 ? 'd' : '.');
    disk.add(8 * CLUSTER + 300, Compression.NONE, 3, index -> index == 5 ? 'd' : '.');
    disk.add(9 * CLUSTER + 300, Compression.NONE, 4, index -> index == 8 ? 'd' : '.');
    Path raw = temp.resolve("before.raw");
    Files.write(raw, disk.shown(2));
    for (int i = 0; i < 4; i++) {
      disk.contents.set(i, disk.shown(i));
    }

    merge(disk, 2, 0, Compression.NONE);

    Tool.compare(disk.folder.image(disk.ids.get(2)), "qcow2", raw, "raw");
    assertRight(disk, 0);
    merge(disk, 3, -1, Compression.NONE);
    assertRight(disk, 0);
  }

  @Test
  void randomChainsShowTheSameAfterAnyMerge() throws Exception {
    for (int seed = 0; seed < 25; seed++) {
      Random random = new Random(seed);
      LayeredDisk disk = new LayeredDisk(temp.resolve("repository-" + seed));
      disk.clustersAtOnce = 1 + random.nextInt(6);
      disk.checksumBytes = random.nextInt(4) == 0 ? 100_000 : 0;
      int layers = 2 + random.nextInt(5);
      int size = (1 + random.nextInt(30)) * CLUSTER - random.nextInt(3) * 700;
      for (int i = 0; i < layers; i++) {
        String kinds = i == 0 ? "dd." : "...dz";
        disk.add(
            size,
            random.nextInt(3) == 0 ? Compression.ZSTD : Compression.NONE,
            random.nextBoolean() ? ChecksumKind.CRC32C : ChecksumKind.SHA_256,
            random.nextLong(),
            index -> kinds.charAt(random.nextInt(kinds.length())));
      }
      int image = 1 + random.nextInt(layers - 1);
      int base = random.nextInt(image) - 1;
      merge(disk, image, base, random.nextBoolean() ? Compression.NONE : Compression.ZSTD);
      for (int i = 0; i < layers; i++) {
        assertThat(Arrays.mismatch(disk.shown(i), disk.expected(i)))
            .as("seed %d, image %d", seed, i)
            .isEqualTo(-1);
      }
      Tool.checkImage(disk.folder.image(disk.ids.get(image)));
    }
  }

  /** What SHA-256 proved of an image's data it proves of the merged one's, too. */
  @ParameterizedTest
  @CsvSource({
    "CRC32C, CRC32C, NONE, crc32c", "CRC32C, SHA_256, NONE, sha-256",
    "SHA_256, CRC32C, NONE, sha-256", "SHA_256, SHA_256, NONE, sha-256",
    "CRC32C, SHA_256, ZSTD, sha-256", "SHA_256, CRC32C, ZSTD, sha-256"
  })
  void theMergedImageHasTheStrongestChecksumsOfAny(
      ChecksumKind base, ChecksumKind top, Compression compression, String merged)
      throws Exception {
    LayeredDisk disk = new LayeredDisk(temp.resolve("repository"));
    disk.add(5 * CLUSTER, compression, base, 1, index -> "dd.dd".charAt(index));
    disk.add(5 * CLUSTER, compression, top, 2, index -> "d.d.z".charAt(index));
    disk.add(5 * CLUSTER, compression, base, 3, index -> "...d.".charAt(index));
    assertRight(disk, 0);

    merge(disk, 1, -1, compression);

    assertRight(disk, 0);
    assertThat(disk.folder.published(disk.ids.get(1)).checksumKind()).isEqualTo(merged);
    assertThat(disk.folder.published(disk.ids.get(2)).checksumKind()).isEqualTo(base.word());
  }

  @Test
  void anImageWithoutAnyDataIsMerged() throws Exception {
    LayeredDisk disk = new LayeredDisk(temp.resolve("repository"));
    disk.add(3 * CLUSTER, Compression.NONE, 1, index -> '.');
    disk.add(3 * CLUSTER, Compression.NONE, 2, index -> 'z');
    disk.add(3 * CLUSTER, Compression.NONE, 3, index -> '.');

    merge(disk, 1, -1, Compression.NONE);
    merge(disk, 2, -1, Compression.NONE);

    assertRight(disk, 0);
  }

  @ParameterizedTest
  @EnumSource(ChecksumKind.class)
  void aMergeThatStoppedAnywhereGoesOnToTheSame(ChecksumKind kind) throws Exception {
    for (int stopAfter = 0; stopAfter < 8; stopAfter += 2) {
      LayeredDisk disk = new LayeredDisk(temp.resolve("repository-" + stopAfter));
      int clusters = 4 * 32;
      disk.add(clusters * CLUSTER, Compression.NONE, 1, index -> 'd');
      disk.add(clusters * CLUSTER, Compression.NONE, kind, 2, index -> index % 7 == 0 ? 'd' : '.');
      disk.add(clusters * CLUSTER, Compression.NONE, 3, index -> index % 50 == 0 ? 'z' : '.');
      ImageMerge.Request request = request(disk, 1, -1, Compression.NONE);

      Optional<WriterState> state = Optional.empty();
      try (ImageMerge merge = ImageMerge.open(request, Optional.empty())) {
        for (int i = 0; i < stopAfter && merge.put(); i++) {
          state = merge.checkpoint();
        }
      }
      DiskManifest.Replacement next;
      try (ImageMerge merge = ImageMerge.open(request, state)) {
        while (merge.put()) {}
        next = merge.finish(Instant.parse("2026-02-01T00:00:00Z"));
      }
      disk.folder.replace(disk.ids.get(1), next);

      assertRight(disk, 0);
    }
  }

  /** Whoever looks at any moment sees the old chain or the new one; who comes next ends it. */
  @Test
  void theSwitchMayBeCutAtAnyStep() throws Exception {
    int steps = 0;
    for (int done = 0; done <= Math.max(steps, 1); done++) {
      LayeredDisk disk = new LayeredDisk(temp.resolve("repository-" + done));
      disk.add(3 * CLUSTER, Compression.NONE, 1, index -> 'd');
      disk.add(3 * CLUSTER, Compression.NONE, 2, index -> index == 1 ? 'd' : '.');
      disk.add(3 * CLUSTER, Compression.NONE, 3, index -> index == 2 ? 'd' : '.');
      DiskBackupId id = disk.ids.get(1);
      DiskManifest.Replacement next = written(request(disk, 1, -1, Compression.NONE));
      steps = ReplacementSteps.count(disk.folder, id, next);

      ReplacementSteps.run(disk.folder, id, next, done);

      assertRight(disk, 0);
      disk.folder.settle(id);
      assertRight(disk, 0);
      merge(disk, 2, -1, Compression.NONE);
      assertRight(disk, 0);
      assertThat(disk.folder.published(disk.ids.get(2)).chainLength()).isEqualTo(1);
    }
  }

  /** The merged image may be collected before its rename: the old one then stays. */
  @Test
  void aSwitchWhoseImageIsGoneIsTakenBack() throws Exception {
    LayeredDisk disk = small(Compression.NONE);
    DiskBackupId id = disk.ids.get(2);
    ReplacementSteps.run(disk.folder, id, written(request(disk, 2, -1, Compression.NONE)), 2);
    Files.delete(disk.folder.merging(id));

    assertThat(disk.folder.settle(id)).isPresent();

    assertRight(disk, 0);
    assertThat(disk.folder.chain(id)).hasSize(3);
  }

  @Test
  void twoAtATimeAreRefused() throws Exception {
    LayeredDisk disk = small(Compression.NONE);
    ImageMerge.Request request = request(disk, 2, -1, Compression.NONE);

    try (ImageMerge first = ImageMerge.open(request, Optional.empty())) {
      assertThatThrownBy(() -> ImageMerge.open(request, Optional.empty()))
          .isInstanceOf(DiskInUseException.class);
      while (first.put()) {}
      disk.folder.replace(disk.ids.get(2), first.finish(Instant.EPOCH));
    }

    assertRight(disk, 0);
  }

  /** Readers come and go while images are replaced and those below them deleted. */
  @Test
  void readersSeeTheOldChainOrTheNewOne() throws Exception {
    LayeredDisk disk = new LayeredDisk(temp.resolve("repository"));
    int layers = 12;
    for (int i = 0; i < layers; i++) {
      int layer = i;
      disk.add(
          8 * CLUSTER, Compression.NONE, i, index -> layer == 0 || index == layer % 8 ? 'd' : '.');
    }
    AtomicBoolean done = new AtomicBoolean();
    List<Throwable> failures = new java.util.concurrent.CopyOnWriteArrayList<>();
    List<Thread> readers =
        Stream.of(1, 2)
            .map(number ->
                Thread.ofPlatform()
                    .start(() -> {
                      try {
                        while (!done.get()) {
                          DiskBackupId top = disk.ids.get(layers - 1);
                          byte[] shown = disk.shown(layers - 1);
                          if (!Arrays.equals(shown, disk.expected(layers - 1))) {
                            throw new AssertionError("another content");
                          }
                          disk.folder.chain(top);
                        }
                      } catch (Throwable e) {
                        failures.add(e);
                      }
                    }))
            .toList();

    for (int i = 1; i < layers; i++) {
      merge(disk, i, -1, Compression.NONE);
      disk.folder.removeImage(disk.ids.get(i - 1));
      disk.folder.removeManifest(disk.ids.get(i - 1));
    }
    done.set(true);
    for (Thread reader : readers) {
      reader.join();
    }

    assertThat(failures).isEmpty();
    assertRight(disk, layers - 1);
  }

  @Test
  void leavesOnlyWhatTheFormatNames() throws Exception {
    LayeredDisk disk = small(Compression.NONE);
    merge(disk, 3, -1, Compression.NONE);

    try (Stream<Path> files = Files.list(disk.folder.path())) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .allMatch(name -> name.matches("backup-vm-disk0-20260101-00000[0-3]\\.(qcow2|json|sums)"))
          .hasSize(12);
    }
    assertThat(DiskFolder.imageName(disk.ids.get(3))).endsWith("03.qcow2");
  }
}
