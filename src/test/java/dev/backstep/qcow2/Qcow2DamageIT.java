package dev.backstep.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.backstep.blockio.Block;
import dev.backstep.domain.ByteRange;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Reads images with random damage. What comes of it is a {@link Qcow2FormatException} or the bytes
 * that QEMU reads, never other bytes, another exception, a hang or an exhausted memory.
 */
class Qcow2DamageIT {

  private static final int ROUNDS = Integer.getInteger("backstep.damage.rounds", 60);

  /** Larger disks are not read, only opened: a header may claim any size. */
  private static final long READ_MAX = 16 << 20;

  @TempDir Path folder;

  private Path image;

  /** What is damaged, by how it was made. */
  enum Kind {
    PLAIN("cluster_size=4k"),
    SMALL_CLUSTERS("cluster_size=512"),
    LARGE_CLUSTERS("cluster_size=2M"),
    VERSION_2("compat=0.10,cluster_size=1k"),
    DEFLATE("cluster_size=4k", "-c"),
    ZSTD("cluster_size=8k,compression_type=zstd", "-c");

    private final List<String> options;

    Kind(String... options) {
      this.options = List.of(options);
    }
  }

  @BeforeEach
  void setUp() {
    image = folder.resolve("image.qcow2");
  }

  private byte[] make(Kind kind, Path file) throws IOException {
    Path model = folder.resolve("model.raw");
    Files.write(model, Qcow2WriterTests.disk(2_000_384, kind.ordinal()));
    List<Object> command =
        new ArrayList<>(List.of("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-o"));
    command.addAll(kind.options);
    command.addAll(List.of(model, file));
    Tool.run(command.toArray());
    return Files.readAllBytes(file);
  }

  @ParameterizedTest
  @EnumSource
  void damagedTablesGiveAFormatErrorOrWhatQemuReads(Kind kind) throws IOException {
    byte[] good = make(kind, image);
    for (int seed = 0; seed < ROUNDS; seed++) {
      Random random = new Random(seed);
      byte[] bad = good.clone();
      for (int count = 1 + random.nextInt(4); count > 0; count--) {
        damageEntry(bad, random);
      }
      Files.write(image, bad);

      readsAsQemu(kind + ", seed " + seed);
    }
  }

  /** An L1 or L2 entry that is damaged in one bit, or is another one, or points elsewhere. */
  private static void damageEntry(byte[] image, Random random) {
    ByteBuffer bytes = ByteBuffer.wrap(image);
    int clusterBytes = 1 << bytes.getInt(20);
    int l1 = (int) bytes.getLong(40);
    int l1Entries = bytes.getInt(36);
    int table = l1;
    int length = l1Entries * 8;
    long l2 = bytes.getLong(l1 + random.nextInt(l1Entries) * 8) & Qcow2Constants.OFFSET_MASK;
    if (random.nextInt(8) > 0 && l2 > 0 && l2 < image.length - clusterBytes) {
      table = (int) l2;
      length = Math.min(clusterBytes, 4000);
    }
    int at = table + random.nextInt(length / 8) * 8;
    long old = bytes.getLong(at);
    bytes.putLong(
        at,
        switch (random.nextInt(5)) {
          case 0, 1 -> old ^ 1L << random.nextInt(64);
          case 2 -> bytes.getLong(table + random.nextInt(length / 8) * 8);
          case 3 -> old + ((long) (random.nextInt(9) - 4) << 9);
          default -> old | Qcow2Constants.COMPRESSED;
        });
  }

  @ParameterizedTest
  @EnumSource
  void damagedHeadersGiveAFormatErrorOrWhatQemuReads(Kind kind) throws IOException {
    byte[] good = make(kind, image);
    for (int seed = 0; seed < ROUNDS; seed++) {
      Random random = new Random(seed);
      byte[] bad = good.clone();
      for (int count = 1 + random.nextInt(3); count > 0; count--) {
        bad[random.nextInt(112)] ^= (byte) (1 << random.nextInt(8));
      }
      Files.write(image, bad);

      readsAsQemu(kind + ", seed " + seed);
    }
  }

  @ParameterizedTest
  @EnumSource
  void truncatedFilesGiveAFormatErrorOrTheBytes(Kind kind) throws IOException {
    byte[] good = make(kind, image);
    byte[] model = Files.readAllBytes(folder.resolve("model.raw"));
    Random random = new Random(kind.ordinal());
    for (int round = 0; round < ROUNDS; round++) {
      int length = random.nextInt(good.length);
      Files.write(image, java.util.Arrays.copyOf(good, length));

      Optional<byte[]> bytes = read("cut at " + length);

      // the cluster in which the file ends reads as zeros from there on
      if (bytes.isPresent()) {
        int clusterBytes = 1 << ByteBuffer.wrap(good).getInt(20);
        assertThat(differing(bytes.get(), model)).as("cut at %d", length).isLessThan(clusterBytes);
      }
    }
  }

  private static int differing(byte[] one, byte[] other) {
    // QEMU rounds a disk down to whole sectors, which only a damaged header leads to
    assertThat(one.length / 512).isEqualTo(other.length / 512);
    int differing = 0;
    for (int i = 0; i < Math.min(one.length, other.length); i++) {
      differing += one[i] == other[i] ? 0 : 1;
    }
    return differing;
  }

  /** The layer below is damaged, the one on top is not. */
  @ParameterizedTest
  @EnumSource
  void damageBelowShowsThroughTheOverlay(Kind kind) throws IOException {
    Path base = folder.resolve("base.qcow2");
    byte[] good = make(kind, base);
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, image, "3M");
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -P 7 64k 300k", image);
    for (int seed = 0; seed < ROUNDS / 4; seed++) {
      Random random = new Random(seed);
      byte[] bad = good.clone();
      damageEntry(bad, random);
      Files.write(base, bad);

      readsAsQemu(kind + ", seed " + seed);
    }
  }

  private void readsAsQemu(String what) throws IOException {
    Optional<byte[]> ours = read(what);
    if (ours.isEmpty()) {
      return;
    }
    Path raw = folder.resolve("by-qemu.raw");
    Files.deleteIfExists(raw);
    Tool.Result result = Tool.tryRun("qemu-img", "convert", "-f", "qcow2", "-O", "raw", image, raw);
    if (result.status() == 0) {
      assertThat(differing(ours.get(), Files.readAllBytes(raw))).as(what).isZero();
    }
  }

  /** Empty when the image was refused, as it should be, or its disk is too large to compare. */
  private Optional<byte[]> read(String what) {
    return assertTimeoutPreemptively(Duration.ofSeconds(20), () -> readAll(what), what);
  }

  private Optional<byte[]> readAll(String what) throws IOException {
    try (Qcow2Reader reader = Qcow2Reader.open(image, 2)) {
      if (reader.sizeBytes() > READ_MAX) {
        return Optional.empty();
      }
      reader.allocated((offset, length, extent) -> {});
      byte[] bytes = new byte[(int) reader.sizeBytes()];
      for (int at = 0; at < bytes.length; at += 1 << 20) {
        int length = Math.min(1 << 20, bytes.length - at);
        try (Block block = reader.read(List.of(new ByteRange(at, length))).join()) {
          block.bytes(0).get(bytes, at, length);
        }
      }
      return Optional.of(bytes);
    } catch (Qcow2FormatException e) {
      assertThat(e).as(what).hasMessageMatching("(?s).*\\.qcow2 at byte \\d+: .+");
      return Optional.empty();
    } catch (CompletionException e) {
      assertThat(e.getCause()).as(what).isInstanceOf(Qcow2FormatException.class);
      return Optional.empty();
    }
  }
}
