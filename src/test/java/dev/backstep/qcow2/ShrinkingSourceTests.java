package dev.backstep.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.ZstdCompressCtx;
import dev.backstep.blockio.Block;
import dev.backstep.blockio.ChecksumLog;
import dev.backstep.blockio.MappedBytes;
import dev.backstep.blockio.RawFileReader;
import dev.backstep.blockio.Zeros;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.Compression;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Blocks of a raw file are its mapped pages, which go away when somebody cuts the file. */
class ShrinkingSourceTests {

  private static final int DISK_BYTES = 8 << 20;
  private static final int BLOCK_BYTES = 1 << 20;
  private static final int CLUSTER_BYTES = 1 << 16;

  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(Compression.class)
  void diskThatIsCutBehindItsReaderFailsTheBackupAndNotTheProgram(Compression compression)
      throws IOException {
    byte[] bytes = new byte[DISK_BYTES];
    new Random(7).nextBytes(bytes);
    Path disk = Files.write(folder.resolve("disk.raw"), bytes);
    Path image = folder.resolve("image.qcow2");
    Qcow2Spec spec = new Qcow2Spec(DISK_BYTES, Optional.empty(), 16, compression, 1);

    try (RawFileReader reader = RawFileReader.open(disk, 8);
        Qcow2Writer writer = Qcow2Writer.create(image, spec)) {
      Block first = reader.read(List.of(new ByteRange(0, BLOCK_BYTES))).join();
      Block second = reader.read(List.of(new ByteRange(BLOCK_BYTES, BLOCK_BYTES))).join();
      resize(disk, 4096);

      assertThatThrownBy(
              () -> {
                writer.write(first);
                writer.write(second);
                writer.finish();
              })
          .isInstanceOf(IOException.class);
    }
    assertThatThrownBy(() -> Qcow2Reader.open(image, 1)).isInstanceOf(IOException.class);
  }

  /** The JDK takes it by code of its own, in which such a page would end the whole process. */
  @ParameterizedTest
  @EnumSource(ChecksumKind.class)
  void checksumNeverTouchesTheMappedPages(ChecksumKind kind) throws IOException {
    byte[] bytes = new byte[DISK_BYTES];
    new Random(7).nextBytes(bytes);
    Path disk = Files.write(folder.resolve("disk.raw"), bytes);

    try (RawFileReader reader = RawFileReader.open(disk, 8);
        ChecksumLog log = ChecksumLog.create(folder.resolve("sums"), kind)) {
      Block block = reader.read(List.of(new ByteRange(BLOCK_BYTES, BLOCK_BYTES))).join();
      resize(disk, 4096);

      assertThatThrownBy(() -> log.record(0, block.bytes(0))).isInstanceOf(InternalError.class);
      block.close();
    }
  }

  @Test
  void comparisonNeverTouchesTheMappedPages() throws IOException {
    Path disk = Files.write(folder.resolve("disk.raw"), new byte[DISK_BYTES]);

    try (RawFileReader reader = RawFileReader.open(disk, 8)) {
      Block block = reader.read(List.of(new ByteRange(0, BLOCK_BYTES))).join();
      resize(disk, 4096);

      assertThatThrownBy(
              () -> MappedBytes.equal(block.bytes(0), ByteBuffer.allocateDirect(BLOCK_BYTES)))
          .isInstanceOf(InternalError.class);
      assertThatThrownBy(() -> Zeros.isZero(block.bytes(0), 0, BLOCK_BYTES))
          .isInstanceOf(InternalError.class);
      block.close();
    }
  }

  /** A block that fails half way is let go, and so is its place among the writes. */
  @Test
  void everyBlockOfADiskThatIsCutIsClosed() throws IOException {
    byte[] bytes = new byte[DISK_BYTES];
    new Random(7).nextBytes(bytes);
    Path disk = Files.write(folder.resolve("disk.raw"), bytes);
    Qcow2Spec spec = new Qcow2Spec(DISK_BYTES, Optional.empty(), 16, Compression.NONE, 1);

    try (ChecksumLog log = ChecksumLog.create(folder.resolve("sums"), ChecksumKind.CRC32C);
        Qcow2Writer writer =
            Qcow2Writer.create(folder.resolve("image.qcow2"), spec, Optional.of(log));
        RawFileReader reader = RawFileReader.open(disk, 1)) {
      Block block = reader.read(List.of(new ByteRange(0, BLOCK_BYTES))).join();
      resize(
          disk, BLOCK_BYTES - 4096); // each cluster's begin is there, the checksum's last page not

      assertThatThrownBy(() -> writer.write(block))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("the source's memory could not be read");
      resize(disk, DISK_BYTES);
      // The reader has room for one block only.
      assertThat(
              CompletableFuture.supplyAsync(
                  () -> reader.read(List.of(new ByteRange(0, 4096))).join()))
          .succeedsWithin(Duration.ofSeconds(10))
          .satisfies(Block::close);
    }
  }

  /** Compiled code is told of a page that is gone some moments later than interpreted code. */
  @Test
  void diskThatIsCutFailsTheWriteAlsoWhenTheWriterIsCompiled() throws IOException {
    byte[] bytes = new byte[DISK_BYTES];
    new Random(7).nextBytes(bytes);
    Path disk = Files.write(folder.resolve("disk.raw"), bytes);
    Qcow2Spec spec = new Qcow2Spec(DISK_BYTES, Optional.empty(), 16, Compression.NONE, 1);

    for (int round = 0; round < 500; round++) {
      try (ChecksumLog log = ChecksumLog.create(folder.resolve("sums"), ChecksumKind.CRC32C);
          Qcow2Writer writer =
              Qcow2Writer.create(folder.resolve("image.qcow2"), spec, Optional.of(log));
          RawFileReader reader = RawFileReader.open(disk, 1)) {
        Block block = reader.read(List.of(new ByteRange(0, BLOCK_BYTES))).join();
        if (round % 100 < 99) {
          writer.write(block);
          continue;
        }
        resize(disk, BLOCK_BYTES - 4096); // each cluster's begin is there, the last page not
        assertThatThrownBy(() -> writer.write(block))
            .as("round " + round)
            .isInstanceOf(IOException.class)
            .hasMessageContaining("the source's memory could not be read");
        Files.write(disk, bytes);
      }
    }
  }

  private static void resize(Path disk, int sizeBytes) throws IOException {
    try (RandomAccessFile other = new RandomAccessFile(disk.toFile(), "rw")) {
      other.setLength(sizeBytes);
    }
  }

  /** In native code such a page would end the whole process. */
  @Test
  void compressorNeverTouchesTheMappedPages() throws IOException {
    byte[] bytes = new byte[DISK_BYTES];
    new Random(7).nextBytes(bytes);
    Path disk = Files.write(folder.resolve("disk.raw"), bytes);

    try (RawFileReader reader = RawFileReader.open(disk, 8);
        ZstdCompressCtx context = new ZstdCompressCtx()) {
      Block block = reader.read(List.of(new ByteRange(BLOCK_BYTES, BLOCK_BYTES))).join();
      ByteBuffer copy = ByteBuffer.allocateDirect(CLUSTER_BYTES);
      resize(disk, 4096);

      assertThatThrownBy(() ->
              PackedClusters.of(
                  block.bytes(0),
                  CLUSTER_BYTES,
                  BLOCK_BYTES,
                  context,
                  copy,
                  new ConcurrentLinkedQueue<>()))
          .isInstanceOf(InternalError.class);
      block.close();
    }
  }
}
