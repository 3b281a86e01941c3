package dev.backstep.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.Checksum;
import dev.backstep.blockio.ChecksumCheck;
import dev.backstep.blockio.ChecksumFile;
import dev.backstep.blockio.ChecksumLog;
import dev.backstep.blockio.ReadOnlyFile;
import dev.backstep.blockio.SharedBlocks;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.Compression;
import dev.backstep.testing.HeapBlock;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Small clusters, so that a few MiB have many tables and some clusters of L1 table. */
class Qcow2CloneTests {

  @TempDir Path temp;

  @RegisterExtension final SharedBlocks files = new SharedBlocks();
  private Random random = new Random(0);
  private byte[] disk = new byte[0];

  private static Qcow2Spec spec(long size, Optional<String> backing, int clusterBits) {
    return new Qcow2Spec(size, backing, clusterBits, Compression.NONE, 1);
  }

  private static Path sums(Path image) {
    return image.resolveSibling(image.getFileName() + ".sums");
  }

  private byte[] content(int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  private interface Store {
    void data(ByteRange range) throws IOException;

    void zeros(ByteRange range) throws IOException;
  }

  /** Random runs of clusters over the whole disk; what is stored is in the disk by then. */
  private void runs(int clusterBytes, int longest, Store store) throws IOException {
    int at = 0;
    while (at < disk.length) {
      int length = Math.min((1 + random.nextInt(longest)) * clusterBytes, disk.length - at);
      ByteRange range = new ByteRange(at, length);
      switch (random.nextInt(4)) {
        case 0 -> {
          System.arraycopy(content(length), 0, disk, at, length);
          store.data(range);
        }
        case 1 -> {
          Arrays.fill(disk, at, at + length, (byte) 0);
          store.zeros(range);
        }
        default -> {}
      }
      at += length;
    }
  }

  private Path base(Qcow2Spec spec, ChecksumKind kind) throws IOException {
    Path image = temp.resolve("base.qcow2");
    try (ChecksumLog log = ChecksumLog.create(sums(image), kind);
        Qcow2Writer writer = Qcow2Writer.create(image, spec, Optional.of(log))) {
      runs(
          1 << spec.clusterBits(),
          40,
          new Store() {
            @Override
            public void data(ByteRange range) throws IOException {
              writer.write(new HeapBlock(disk, List.of(range)));
            }

            @Override
            public void zeros(ByteRange range) throws IOException {
              writer.writeZeros(range);
            }
          });
      writer.finish();
      log.force();
    }
    return image;
  }

  /** Random changes, of which some are shared with a file that has them. */
  private void change(Qcow2Clone clone, int clusterBytes, Path other) throws IOException {
    byte[] others = content(disk.length);
    Files.write(other, others);
    try (ChecksumLog log = ChecksumLog.create(sums(other), ChecksumKind.CRC32C)) {
      for (int at = 0; at < others.length; at += 30_000) {
        log.record(at, ByteBuffer.wrap(others, at, Math.min(30_000, others.length - at)));
      }
      log.force();
    }
    try (ReadOnlyFile open = ReadOnlyFile.checked(other, sums(other))) {
      runs(
          clusterBytes,
          20,
          new Store() {
            @Override
            public void data(ByteRange range) throws IOException {
              int from = (int) range.offset();
              int length = (int) range.length();
              if (random.nextBoolean() && range.length() % clusterBytes == 0 && from % 4096 == 0) {
                System.arraycopy(others, from, disk, from, length);
                clone.share(range, other, open, from);
              } else {
                clone.write(from, new HeapBlock(disk, List.of(range)).bytes(0));
              }
            }

            @Override
            public void zeros(ByteRange range) throws IOException {
              clone.zeros(range);
            }
          });
    }
  }

  private Path cloned(Path base, Qcow2Spec spec, ChecksumKind kind) throws IOException {
    Path image = temp.resolve("clone.qcow2");
    long length;
    try (Qcow2Reader chain =
            Qcow2Reader.open(
                base,
                4,
                path ->
                    Files.exists(sums(path))
                        ? ReadOnlyFile.checked(path, sums(path))
                        : ReadOnlyFile.open(path));
        ChecksumLog log = ChecksumLog.create(sums(image), kind);
        Qcow2Clone clone = Qcow2Clone.create(image, spec, chain, 1, log).orElseThrow()) {
      while (clone.cloneMore()) {}
      change(clone, 1 << spec.clusterBits(), temp.resolve("other"));
      length = clone.finish();
      log.force();
    }
    assertThat(Files.size(image)).isEqualTo(length);
    return image;
  }

  private void assertRight(Path image, String what) throws IOException {
    assertThat(Qcow2Checker.check(image).findings()).as(what).isEmpty();
    Tool.checkImage(image);
    Path raw = temp.resolve("expected.raw");
    Files.write(raw, disk);
    Tool.compare(image, "qcow2", raw, "raw");
    try (Qcow2Reader reader = Qcow2Reader.open(image, 2);
        Block block =
            reader.read(List.of(new ByteRange(0, Math.min(disk.length, 1 << 21)))).join();
        ChecksumFile file = ChecksumFile.open(sums(image));
        ChecksumCheck check = ChecksumCheck.open(image)) {
      byte[] begin = new byte[block.bytes(0).remaining()];
      block.bytes(0).get(begin);
      assertThat(begin).as(what).isEqualTo(Arrays.copyOf(disk, begin.length));
      List<Checksum> all = new ArrayList<>();
      for (var next = file.next(); next.isPresent(); next = file.next()) {
        all.add(next.get());
      }
      assertThat(check.check(all)).as(what).isEmpty();
      assertThat(all.stream().mapToLong(Checksum::lengthBytes).sum())
          .as("%s: all clusters that are in use, and holes", what)
          .isGreaterThan(Files.size(image) - 64 * 1024);
    }
  }

  @Test
  void aChangedCloneShowsTheChangesAndFitsItsChecksums() throws Exception {
    for (int seed = 0; seed < 60; seed++) {
      random = new Random(seed);
      int bits = 12 + random.nextInt(2);
      int clusters = 1 + random.nextInt(1500);
      disk = new byte[(clusters << bits) - (seed % 3 == 0 ? 512 : 0)];
      Optional<String> backing = Optional.empty();
      if (seed % 2 == 1) {
        Path below = temp.resolve("below.qcow2");
        Files.write(temp.resolve("below.raw"), content(disk.length));
        disk = Files.readAllBytes(temp.resolve("below.raw"));
        Tool.run(
            "qemu-img", "convert", "-f", "raw", "-O", "qcow2", temp.resolve("below.raw"), below);
        backing = Optional.of("below.qcow2");
      }
      ChecksumKind kind = seed % 5 == 4 ? ChecksumKind.SHA_256 : ChecksumKind.CRC32C;
      Qcow2Spec spec = spec(disk.length, backing, bits);

      Path image = cloned(base(spec, kind), spec, kind);

      assertRight(image, "seed " + seed);
    }
  }

  /** 512 tables fill a cluster of L1 table at 4 KiB; the clone's must have as many clusters. */
  @ParameterizedTest
  @CsvSource({
    "1073741824, 1073741824, true", "1073741824, 1075838976, false",
    "1073741824, 1071644672, false", "1069547520, 1071644672, true",
    "1069547008, 1069547520, false", "1069547008, 1069547008, true"
  })
  void sizesWhoseTablesDoNotFitAreRefused(long size, long cloned, boolean fits) throws Exception {
    disk = new byte[1 << 16];
    Path base = temp.resolve("base.qcow2");
    try (ChecksumLog log = ChecksumLog.create(sums(base), ChecksumKind.CRC32C);
        Qcow2Writer writer =
            Qcow2Writer.create(base, spec(size, Optional.empty(), 12), Optional.of(log))) {
      writer.write(new HeapBlock(content(1 << 16), List.of(new ByteRange(0, 1 << 16))));
      writer.finish();
      log.force();
    }
    Path top = temp.resolve("top.qcow2");
    try (Qcow2Writer writer =
        Qcow2Writer.create(top, spec(cloned, Optional.of("base.qcow2"), 12))) {
      writer.finish();
    }
    Path image = temp.resolve("clone.qcow2");
    try (Qcow2Reader chain =
            Qcow2Reader.open(
                top,
                2,
                path ->
                    path.equals(top)
                        ? ReadOnlyFile.open(path)
                        : ReadOnlyFile.checked(path, sums(path)));
        ChecksumLog log = ChecksumLog.create(sums(image), ChecksumKind.CRC32C)) {
      Optional<Qcow2Clone> clone =
          Qcow2Clone.create(image, spec(cloned, Optional.empty(), 12), chain, 2, log);
      assertThat(clone.isPresent()).isEqualTo(fits);
      if (clone.isPresent()) {
        try (Qcow2Clone open = clone.get()) {
          while (open.cloneMore()) {}
          open.finish();
        }
        Tool.checkImage(image);
        Tool.compare(image, "qcow2", top, "qcow2");
      }
    }
  }

  /**
   * What QEMU wrote has its refcounts in front: they become free, and nothing leaks. Zeros that
   * keep their cluster are not cloned.
   */
  @ParameterizedTest
  @CsvSource({
    "lazy_refcounts=off, 2000k, true", "lazy_refcounts=on, 2000k, true",
    "lazy_refcounts=off, 300k, false", "compat=0.10, 2000k, false"
  })
  void imagesOfQemuAreCloned(String options, String zeros, boolean suits) throws Exception {
    disk = new byte[3 << 20];
    Path base = temp.resolve("base.qcow2");
    Tool.run(
        "qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=4k," + options, base, "3M");
    Tool.run(
        "qemu-io",
        "-f",
        "qcow2",
        "-c",
        "write -q -P 7 100k 900k",
        "-c",
        "write -q -z " + zeros + " 64k",
        base);
    Arrays.fill(disk, 100 << 10, 1000 << 10, (byte) 7);
    byte[] file = Files.readAllBytes(base);
    try (ChecksumLog log = ChecksumLog.create(sums(base), ChecksumKind.CRC32C)) {
      for (int at = 0; at < file.length; at += 50_000) {
        log.record(at, ByteBuffer.wrap(file, at, Math.min(50_000, file.length - at)));
      }
      log.force();
    }
    Qcow2Spec spec = spec(disk.length, Optional.empty(), 12);
    if (suits) {
      assertRight(cloned(base, spec, ChecksumKind.CRC32C), options);
      return;
    }
    Path image = temp.resolve("clone.qcow2");
    try (Qcow2Reader chain =
            Qcow2Reader.open(base, 2, path -> ReadOnlyFile.checked(path, sums(path)));
        ChecksumLog log = ChecksumLog.create(sums(image), ChecksumKind.CRC32C)) {
      assertThat(Qcow2Clone.create(image, spec, chain, 1, log)).isEmpty();
    }
  }
}
