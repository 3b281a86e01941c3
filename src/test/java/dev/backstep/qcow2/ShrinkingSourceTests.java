package dev.backstep.qcow2;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.ZstdCompressCtx;
import dev.backstep.blockio.Block;
import dev.backstep.blockio.RawFileReader;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.Compression;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Random;
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
      try (RandomAccessFile other = new RandomAccessFile(disk.toFile(), "rw")) {
        other.setLength(4096);
      }

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
      try (RandomAccessFile other = new RandomAccessFile(disk.toFile(), "rw")) {
        other.setLength(4096);
      }

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
