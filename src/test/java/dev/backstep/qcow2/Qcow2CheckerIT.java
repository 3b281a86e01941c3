package dev.backstep.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.domain.ByteRange;
import dev.backstep.domain.Compression;
import dev.backstep.testing.HeapBlock;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Our check beside that of {@code qemu-img}, on sound images and on ones damaged at random. */
class Qcow2CheckerIT {

  /** What we find and QEMU does not look for. */
  private static final Predicate<Finding> STRICTER =
      finding ->
          finding.found().endsWith("in an image of version 2")
              || finding.found().endsWith("in use for something else")
              || finding.found().endsWith("where a table lies")
              || finding.expected().startsWith("to end in the file");

  @TempDir Path folder;

  private void convert(Path image, String options, String... more) throws IOException {
    Path model = folder.resolve("model.raw");
    Files.write(model, Qcow2WriterTests.disk(5_000_192, 1));
    Tool.run(
        java.util.stream.Stream.of(
                List.of("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-o", options),
                List.of(more),
                List.of(model, image))
            .flatMap(List::stream)
            .toArray());
  }

  private static void agreesThatItIsSound(Path image) throws IOException {
    QemuCheck qemu = QemuCheck.of(image);
    CheckResult result = Qcow2Checker.check(image);

    assertThat(qemu.checked()).as(qemu.output()).isTrue();
    assertThat(qemu.corruptions() + qemu.leaks()).as(qemu.output()).isZero();
    assertThat(result.findings()).isEmpty();
    assertThat(result.isClean()).isTrue();
    assertThat(result.allocatedClusters()).isEqualTo(qemu.allocatedClusters());
    assertThat(result.compressedClusters()).isEqualTo(qemu.compressedClusters());
    assertThat(result.endBytes()).isEqualTo(qemu.endBytes());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "compat=0.10",
        "compat=0.10,cluster_size=512",
        "compat=0.10,cluster_size=2M",
        "cluster_size=512",
        "cluster_size=1k",
        "cluster_size=2k",
        "cluster_size=4k",
        "cluster_size=8k",
        "cluster_size=16k",
        "cluster_size=32k",
        "cluster_size=64k",
        "cluster_size=128k",
        "cluster_size=256k",
        "cluster_size=512k",
        "cluster_size=1M",
        "cluster_size=2M",
        "refcount_bits=1",
        "refcount_bits=2",
        "refcount_bits=4",
        "refcount_bits=8,cluster_size=1k",
        "refcount_bits=32",
        "refcount_bits=64,cluster_size=512",
        "preallocation=metadata",
        "preallocation=falloc",
        "lazy_refcounts=on"
      })
  void agreesOnWhatQemuWrites(String options) throws IOException {
    Path image = folder.resolve("image.qcow2");
    convert(image, options);

    agreesThatItIsSound(image);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "compat=0.10",
        "cluster_size=512",
        "cluster_size=4k",
        "cluster_size=64k",
        "cluster_size=2M",
        "compression_type=zstd",
        "compression_type=zstd,cluster_size=2M",
        "compression_type=zstd,cluster_size=4k,refcount_bits=8"
      })
  void agreesOnCompressedImages(String options) throws IOException {
    Path image = folder.resolve("image.qcow2");
    convert(image, options, "-c");

    agreesThatItIsSound(image);
  }

  @ParameterizedTest
  @CsvSource({"0.10, 64k", "1.1, 64k", "1.1, 512", "1.1, 4k"})
  void agreesOnSnapshotsAndOverlays(String compat, String clusterSize) throws IOException {
    Path base = folder.resolve("base.qcow2");
    convert(base, "compat=" + compat + ",cluster_size=" + clusterSize);
    Path image = folder.resolve("image.qcow2");
    Tool.run(
        "qemu-img",
        "create",
        "-q",
        "-f",
        "qcow2",
        "-F",
        "qcow2",
        "-b",
        "base.qcow2",
        "-o",
        "compat=" + compat + ",cluster_size=" + clusterSize,
        image,
        "8M");
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -P 3 1M 1M", image);
    Tool.run("qemu-img", "snapshot", "-c", "first", image);
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -P 4 1500k 1M", image);
    Tool.run("qemu-img", "snapshot", "-c", "the second, with a longer name", image);
    Tool.run("qemu-io", "-f", "qcow2", "-c", "discard 1M 300k", "-c", "write -z 2M 512k", image);

    agreesThatItIsSound(image);

    Tool.run("qemu-img", "snapshot", "-d", "first", image);
    agreesThatItIsSound(image);
  }

  @ParameterizedTest
  @ValueSource(strings = {"512", "4k", "64k"})
  void agreesOnPersistentBitmaps(String clusterSize) throws IOException {
    agreesThatItIsSound(withBitmaps(clusterSize));
  }

  private Path withBitmaps(String clusterSize) {
    Path image = folder.resolve("bitmaps.qcow2");
    Tool.run(
        "qemu-img",
        "create",
        "-q",
        "-f",
        "qcow2",
        "-o",
        "cluster_size=" + clusterSize,
        image,
        "1G");
    Tool.run("qemu-img", "bitmap", "--add", "-g", "512", "-f", "qcow2", image, "one");
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -P 3 500M 1M", image);
    Tool.run("qemu-img", "bitmap", "--add", "-f", "qcow2", image, "another-name");
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -P 3 10M 1M", image);
    return image;
  }

  @ParameterizedTest
  @CsvSource({"9, NONE", "12, NONE", "16, NONE", "21, NONE", "16, ZSTD", "21, ZSTD"})
  void agreesOnWhatWeWrite(int bits, Compression compression) throws IOException {
    byte[] disk = Qcow2WriterTests.disk(7_000_001, bits);
    Path image = folder.resolve("image.qcow2");
    Qcow2Spec spec = new Qcow2Spec(disk.length, Optional.empty(), bits, compression, 1);
    try (Qcow2Writer writer = Qcow2Writer.create(image, spec)) {
      for (int at = 0; at < disk.length; at += 1 << 21) {
        int length = Math.min(1 << 21, disk.length - at);
        writer.write(new HeapBlock(disk, List.of(new ByteRange(at, length))));
      }
      writer.finish();
    }

    agreesThatItIsSound(image);
  }

  @Test
  void agreesOnASparseDiskOfFourTebibytes() throws IOException {
    Path image = folder.resolve("image.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", image, "4T");
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write 3T 64k", "-c", "write -z 1T 1G", image);

    agreesThatItIsSound(image);
  }

  /**
   * Entries of all kinds of tables get other values. What is agreed on is whether there are
   * corruptions, and the leaks where there are none: a damaged table can lead the two checks to
   * different places. Nothing else than a result or a format error comes of it.
   */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4})
  void agreesOnDamagedImages(int kind) throws IOException {
    Path sound = soundImage(kind);
    byte[] good = Files.readAllBytes(sound);
    List<long[]> tables = tables(sound);
    Path image = folder.resolve("damaged.qcow2");
    int rounds = Integer.getInteger("backstep.check.rounds", 40);
    for (int seed = 0; seed < rounds; seed++) {
      Random random = new Random(1000L * kind + seed);
      byte[] bad = good.clone();
      String damage = damage(bad, tables, random);
      Files.write(image, bad);

      agrees(image, "kind " + kind + ", seed " + seed + ": " + damage);
    }
  }

  private Path soundImage(int kind) throws IOException {
    Path image = folder.resolve("sound.qcow2");
    switch (kind) {
      case 0 -> convert(image, "cluster_size=4k");
      case 1 -> convert(image, "cluster_size=4k,refcount_bits=64", "-c");
      case 2 -> convert(image, "compat=0.10,cluster_size=512", "-c");
      case 3 -> {
        convert(image, "cluster_size=4k,refcount_bits=2");
        Tool.run("qemu-img", "snapshot", "-c", "first", image);
        Tool.run("qemu-io", "-f", "qcow2", "-c", "write -P 4 1500k 1M", image);
      }
      default -> Files.move(withBitmaps("4k"), image);
    }
    return image;
  }

  /** First byte and length of L1 table, some L2 tables, refcount table, a block and more. */
  private static List<long[]> tables(Path image) throws IOException {
    try (PatchedImage patch = new PatchedImage(image)) {
      long cluster = patch.clusterBytes();
      java.util.ArrayList<long[]> tables = new java.util.ArrayList<>();
      int l1Entries = patch.getInt(36);
      tables.add(new long[] {patch.get(40), l1Entries * 8L});
      for (int i = 0; i < l1Entries; i++) {
        if (patch.target(patch.l1Entry(i)) != 0) {
          tables.add(new long[] {patch.target(patch.l1Entry(i)), cluster});
          tables.add(new long[] {patch.target(patch.l1Entry(i)), 64});
        }
      }
      tables.add(new long[] {patch.get(48), 64});
      tables.add(new long[] {patch.get(patch.get(48)), Math.min(cluster, 2000)});
      if (patch.getInt(60) > 0) {
        tables.add(new long[] {patch.get(64), 16});
      }
      return tables;
    }
  }

  private static String damage(byte[] image, List<long[]> tables, Random random) {
    java.nio.ByteBuffer bytes = java.nio.ByteBuffer.wrap(image);
    StringBuilder done = new StringBuilder();
    for (int count = 1 + random.nextInt(3); count > 0; count--) {
      long[] table = tables.get(random.nextInt(tables.size()));
      int at = (int) (table[0] + random.nextInt((int) table[1] / 8) * 8);
      long old = bytes.getLong(at);
      long other = bytes.getLong((int) (table[0] + random.nextInt((int) table[1] / 8) * 8));
      long value =
          switch (random.nextInt(5)) {
            case 0 -> old ^ 1L << random.nextInt(64);
            case 1 -> 0;
            case 2 -> other;
            case 3 -> random.nextInt(image.length) & ~511 | old & Qcow2Constants.COPIED;
            default -> old + image.length;
          };
      bytes.putLong(at, value);
      done.append(String.format("byte %d: %x becomes %x; ", at, old, value));
    }
    return done.toString();
  }

  private static void agrees(Path image, String what) throws IOException {
    QemuCheck qemu = QemuCheck.of(image);
    CheckResult result;
    try {
      result = Qcow2Checker.check(image);
    } catch (Qcow2FormatException e) {
      assertThat(qemu.checked() && qemu.corruptions() + qemu.leaks() == 0)
          .as("%s%n%s%n%s", what, e, qemu.output())
          .isFalse();
      return;
    }
    String both =
        what + "\n" + qemu.output() + "\n" + result.findings().stream().limit(20).toList();
    if (qemu.checked()) {
      assertThat(result.corruptions() > 0)
          .as(both)
          .isEqualTo(qemu.corruptions() > 0 || result.findings().stream().anyMatch(STRICTER));
      if (qemu.corruptions() == 0) {
        assertThat(result.leaks()).as(both).isEqualTo(qemu.leaks());
      }
    } else {
      assertThat(result.corruptions()).as(both).isPositive();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4})
  void findsThatAnImageIsTruncated(int kind) throws IOException {
    Path sound = soundImage(kind);
    byte[] good = Files.readAllBytes(sound);
    Path image = folder.resolve("damaged.qcow2");
    Random random = new Random(kind);
    for (int round = 0; round < 12; round++) {
      int length = random.nextInt(good.length);
      Files.write(image, java.util.Arrays.copyOf(good, length));

      try {
        assertThat(Qcow2Checker.check(image).isClean())
            .as("cut at %d of %d, QEMU: %s", length, good.length, QemuCheck.of(image))
            .isFalse();
      } catch (Qcow2FormatException e) {
        assertThat(e).hasMessageContaining("damaged.qcow2 at byte ");
      }
    }
  }
}
