package dev.backstep.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.Checksum;
import dev.backstep.blockio.ChecksumFile;
import dev.backstep.blockio.ChecksumLog;
import dev.backstep.blockio.Digest;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.Compression;
import dev.backstep.testing.HeapBlock;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class Qcow2WriterTests {

  @TempDir Path folder;

  private static Qcow2Spec spec(long size, int bits, Compression compression) {
    return new Qcow2Spec(size, Optional.empty(), bits, compression, 1);
  }

  private static Qcow2Spec overlay(long size, int bits, String base, Compression compression) {
    return new Qcow2Spec(size, Optional.of(base), bits, compression, 1);
  }

  /** Random content with zero stretches and repetitive text. */
  static byte[] disk(int size, long seed) {
    Random random = new Random(seed);
    byte[] disk = new byte[size];
    int at = 0;
    while (at < size) {
      int length = Math.min(size - at, 1 + random.nextInt(300_000));
      switch (random.nextInt(3)) {
        case 0 -> {
          byte[] bytes = new byte[length];
          random.nextBytes(bytes);
          System.arraycopy(bytes, 0, disk, at, length);
        }
        case 1 -> {
          for (int i = 0; i < length; i++) {
            disk[at + i] = (byte) ("a line of text, again and again ".charAt(i % 32));
          }
        }
        default -> {}
      }
      at += length;
    }
    return disk;
  }

  private Path raw(String name, byte[] disk) throws IOException {
    Path file = folder.resolve(name);
    Files.write(file, disk);
    int rest = disk.length % 512;
    if (rest != 0) {
      try (RandomAccessFile sized = new RandomAccessFile(file.toFile(), "rw")) {
        sized.setLength(disk.length + 512 - rest);
      }
    }
    return file;
  }

  private static void writeAll(Qcow2Writer writer, byte[] disk, int blockBytes) throws IOException {
    for (int at = 0; at < disk.length; at += blockBytes) {
      int length = Math.min(blockBytes, disk.length - at);
      writer.write(new HeapBlock(disk, List.of(new ByteRange(at, length))));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "9, 3000000",
    "10, 3000001",
    "12, 5000000",
    "14, 5000511",
    "16, 9000000",
    "16, 1",
    "16, 65536",
    "16, 0",
    "16, 7777777",
    "18, 9000000",
    "21, 9000001"
  })
  void qemuReadsWhatIsWrittenAtEveryClusterSize(int bits, int size) throws IOException {
    byte[] disk = disk(size, bits + size);
    Path image = folder.resolve("image.qcow2");

    try (Qcow2Writer writer = Qcow2Writer.create(image, spec(size, bits, Compression.NONE))) {
      writeAll(writer, disk, 1 << 21);
      long length = writer.finish();
      assertThat(length).isEqualTo(Files.size(image));
    }

    Tool.checkImage(image);
    Tool.compare(image, "qcow2", raw("model.raw", disk), "raw");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 65536, 4_000_001, 20_000_000})
  void qemuReadsZstdClusters(int size) throws IOException {
    byte[] disk = disk(size, size);
    Path image = folder.resolve("image.qcow2");

    try (Qcow2Writer writer = Qcow2Writer.create(image, spec(size, 16, Compression.ZSTD))) {
      writeAll(writer, disk, 1 << 21);
      writer.finish();
    }

    Tool.checkImage(image);
    Tool.compare(image, "qcow2", raw("model.raw", disk), "raw");
    assertThat(Files.size(image)).isLessThan(size + 700_000L);
  }

  @ParameterizedTest
  @CsvSource({"NONE, 3000320", "NONE, 9000000", "NONE, 6000000", "ZSTD, 9000000", "ZSTD, 3000320"})
  void overlayShowsChangesAndZerosOverItsBackingFile(Compression compression, int size)
      throws IOException {
    byte[] before = disk(6_000_000, 1);
    try (Qcow2Writer base =
        Qcow2Writer.create(
            folder.resolve("base.qcow2"), spec(before.length, 16, Compression.NONE))) {
      writeAll(base, before, 1 << 20);
      base.finish();
    }
    byte[] after = java.util.Arrays.copyOf(before, size);
    byte[] news = disk(1 << 20, 2);
    System.arraycopy(news, 0, after, 1 << 20, news.length);
    java.util.Arrays.fill(after, 0, 1 << 18, (byte) 0);
    Path image = folder.resolve("overlay.qcow2");

    try (Qcow2Writer writer =
        Qcow2Writer.create(image, overlay(size, 16, "base.qcow2", compression))) {
      writer.writeZeros(new ByteRange(0, 1 << 18));
      writer.write(new HeapBlock(after, List.of(new ByteRange(1 << 20, 1 << 20))));
      writer.finish();
    }

    Tool.checkImage(image);
    Tool.compare(image, "qcow2", raw("model.raw", after), "raw");
  }

  @Test
  void sparseDiskOfFourTebibytesStaysSmall() throws IOException {
    long size = 4L << 40;
    Path image = folder.resolve("image.qcow2");

    try (Qcow2Writer writer = Qcow2Writer.create(image, spec(size, 16, Compression.NONE))) {
      byte[] some = disk(65536, 3);
      for (long at : new long[] {0, 3L << 30, size - 65536}) {
        writer.write(new OneCluster(some, at));
      }
      writer.finish();
    }

    Tool.checkImage(image);
    assertThat(Files.size(image)).isLessThan(1 << 20);
  }

  private record OneCluster(byte[] content, long at) implements Block {
    @Override
    public List<ByteRange> ranges() {
      return List.of(new ByteRange(at, content.length));
    }

    @Override
    public java.nio.ByteBuffer bytes(int index) {
      return java.nio.ByteBuffer.allocateDirect(content.length).put(content).flip();
    }

    @Override
    public void close() {}
  }

  /**
   * A process that dies leaves more in the file than it said was forced; nothing of it may matter.
   */
  @ParameterizedTest
  @CsvSource({
    "1, NONE", "2, NONE", "3, NONE", "4, NONE", "5, NONE", "6, ZSTD", "7, ZSTD", "8, ZSTD",
    "9, ZSTD"
  })
  void anotherProcessGoesOnFromAnyForcedState(long seed, Compression compression) throws Exception {
    Random random = new Random(seed);
    int bits = compression == Compression.NONE ? 9 + random.nextInt(8) : 16;
    byte[] disk = disk(8_000_000 + random.nextInt(3_000_000), seed);
    Qcow2Spec spec = spec(disk.length, bits, compression);
    Path image = folder.resolve("image.qcow2");
    int position = 0;
    Path sums = folder.resolve("image.sums");
    ChecksumKind kind = seed % 2 == 0 ? ChecksumKind.SHA_256 : ChecksumKind.CRC32C;
    ChecksumLog log = ChecksumLog.create(sums, kind);
    Qcow2Writer writer = Qcow2Writer.create(image, spec, Optional.of(log));
    int restarts = 0;
    while (position < disk.length) {
      int length = Math.min(1 << 17, disk.length - position);
      writer.write(new HeapBlock(disk, List.of(new ByteRange(position, length))));
      position += length;
      if (random.nextInt(3) == 0) {
        writer.beginCheckpoint();
      }
      if (restarts < 12 && random.nextInt(8) == 0) {
        WriterState state = forced(writer);
        writer.close();
        log.close();
        scribbleBehind(image, state.hostOffset(), random);
        scribbleBehind(sums, state.checksumBytes(), random);
        WriterState told = WriterState.parse(state.toString());
        log = ChecksumLog.resume(sums, kind, told.checksumBytes(), told.hostOffset());
        writer = Qcow2Writer.resume(image, spec, told, Optional.of(log));
        position = (int) Math.min(state.guestOffset(), disk.length);
        restarts++;
      }
    }
    long end = writer.finish();
    writer.close();
    log.close();

    assertThat(restarts).isPositive();
    assertThat(gaps(image, sums, end)).allMatch(gap -> gap < 1 << bits);
    Tool.checkImage(image);
    Tool.compare(image, "qcow2", raw("model.raw", disk), "raw");
  }

  /** The lengths of what no checksum covers; every checksum must be right, and none overlap. */
  private static List<Long> gaps(Path image, Path sums, long end) throws IOException {
    NavigableMap<Long, Long> covered = new TreeMap<>();
    byte[] bytes = Files.readAllBytes(image);
    try (ChecksumFile file = ChecksumFile.open(sums)) {
      for (Optional<Checksum> next = file.next(); next.isPresent(); next = file.next()) {
        Checksum sum = next.get();
        ByteBuffer range = ByteBuffer.wrap(bytes, (int) sum.offset(), sum.lengthBytes());
        assertThat(Digest.of(sum.sum().kind(), range)).as("%s", sum).isEqualTo(sum.sum());
        assertThat(covered.put(sum.offset(), sum.offset() + sum.lengthBytes())).isNull();
      }
    }
    List<Long> gaps = new ArrayList<>();
    long at = 0;
    for (Map.Entry<Long, Long> range : covered.entrySet()) {
      assertThat(range.getKey()).isGreaterThanOrEqualTo(at);
      gaps.add(range.getKey() - at);
      at = range.getValue();
    }
    assertThat(at).isEqualTo(end);
    return gaps;
  }

  private static WriterState forced(Qcow2Writer writer) throws Exception {
    while (writer.durable().isEmpty()) {
      writer.beginCheckpoint();
      Thread.sleep(1);
    }
    return writer.durable().get();
  }

  private static void scribbleBehind(Path path, long end, Random random) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      byte[] garbage = new byte[1 + random.nextInt(300_000)];
      random.nextBytes(garbage);
      file.seek(end);
      file.write(garbage);
    }
  }

  @Test
  void resumeRefusesAFileShorterThanItsState() throws IOException {
    byte[] disk = disk(2_000_000, 4);
    Path image = folder.resolve("image.qcow2");
    Qcow2Spec spec = spec(disk.length, 16, Compression.NONE);
    try (Qcow2Writer writer = Qcow2Writer.create(image, spec)) {
      writeAll(writer, disk, 1 << 20);
    }

    assertThatThrownBy(() ->
            Qcow2Writer.resume(
                image, spec, new WriterState(1 << 20, 50_000_000, 0, 0), Optional.empty()))
        .isInstanceOf(Qcow2FormatException.class)
        .hasMessageContaining("50000000 bytes were forced")
        .hasMessageContaining("written anew");
  }

  @Test
  void unfinishedFileIsNoImage() throws IOException {
    byte[] disk = disk(2_000_000, 5);
    Path image = folder.resolve("image.qcow2");

    try (Qcow2Writer writer = Qcow2Writer.create(image, spec(disk.length, 16, Compression.NONE))) {
      writeAll(writer, disk, 1 << 20);
      writer.beginCheckpoint();
    }

    assertThat(Tool.tryRun("qemu-img", "info", "-f", "qcow2", image).status()).isNotZero();
  }

  @Test
  void everyBlockIsClosed() throws IOException {
    byte[] disk = disk(5_000_001, 6);
    List<HeapBlock> blocks = new ArrayList<>();

    try (Qcow2Writer writer =
        Qcow2Writer.create(
            folder.resolve("image.qcow2"), spec(disk.length, 16, Compression.ZSTD))) {
      for (int at = 0; at < disk.length; at += 1 << 20) {
        int length = Math.min(1 << 20, disk.length - at);
        HeapBlock block = new HeapBlock(disk, List.of(new ByteRange(at, length)));
        blocks.add(block);
        writer.write(block);
      }
    }

    assertThat(blocks).allMatch(HeapBlock::isClosed);
  }

  @Test
  void refusesToGoBack() throws IOException {
    byte[] disk = disk(1 << 20, 7);
    try (Qcow2Writer writer =
        Qcow2Writer.create(
            folder.resolve("image.qcow2"), spec(disk.length, 16, Compression.NONE))) {
      writer.write(new HeapBlock(disk, List.of(new ByteRange(65536, 65536))));

      assertThatThrownBy(() -> writer.write(new HeapBlock(disk, List.of(new ByteRange(0, 65536)))))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("behind byte 131072");
    }
  }
}
