package dev.backstep.blockio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.ByteRange;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RawFileTests {

  @TempDir Path folder;

  private Path file(int size) throws IOException {
    byte[] bytes = new byte[size];
    new Random(size).nextBytes(bytes);
    return Files.write(folder.resolve("disk.raw"), bytes);
  }

  @Test
  void readsEveryByteOfAnOddSize() throws IOException {
    Path file = file(5_000_001);
    byte[] read = new byte[5_000_001];

    try (RawFileReader reader = RawFileReader.open(file, 3)) {
      assertThat(reader.sizeBytes()).isEqualTo(5_000_001);
      for (int at = 0; at < read.length; at += 1 << 20) {
        int length = Math.min(1 << 20, read.length - at);
        try (Block block = reader.read(List.of(new ByteRange(at, length))).join()) {
          block.bytes(0).get(read, at, length);
        }
      }
    }

    assertThat(read).isEqualTo(Files.readAllBytes(file));
  }

  @Test
  void blocksStayReadableAfterTheReaderIsClosed() throws IOException {
    Path file = file(100_000);
    RawFileReader reader = RawFileReader.open(file, 2);
    Block block = reader.read(List.of(new ByteRange(4096, 10))).join();

    reader.close();

    assertThat(block.bytes(0)).isEqualTo(ByteBuffer.wrap(Files.readAllBytes(file), 4096, 10));
    block.close();
  }

  @Test
  void fileThatShrinksGivesAnErrorNamingIt() throws IOException {
    Path file = file(8 << 20);

    try (RawFileReader reader = RawFileReader.open(file, 2)) {
      try (RandomAccessFile other = new RandomAccessFile(file.toFile(), "rw")) {
        other.setLength(1 << 20);
      }

      assertThatThrownBy(() -> reader.read(List.of(new ByteRange(4 << 20, 1 << 20))).join())
          .isInstanceOf(CompletionException.class)
          .cause()
          .isInstanceOf(IOException.class)
          .hasMessageEndingWith(
              "disk.raw ends at byte 1048576, expected 8388608 bytes; it has become shorter");
    }
  }

  /** Compiled code is told of a page that is gone some moments later than interpreted code. */
  @Test
  void fileThatShrinksGivesAnErrorAlsoWhenTheReaderIsCompiled() throws IOException {
    Path file = file(1 << 20);
    ByteRange last = new ByteRange((1 << 20) - 4096, 4096);

    try (RawFileReader reader = RawFileReader.open(file, 1)) {
      for (int i = 0; i < 30_000; i++) {
        reader.read(List.of(last)).join().close();
      }
      try (RandomAccessFile other = new RandomAccessFile(file.toFile(), "rw")) {
        other.setLength(4096);
      }

      assertThatThrownBy(() -> reader.read(List.of(last)).join())
          .hasRootCauseInstanceOf(IOException.class)
          .rootCause()
          .hasMessageContaining("it has become shorter");
    }
  }

  @Test
  void fileThatShrinksUnderABlockFailsTheWriteAndNotTheProgram() throws IOException {
    Path file = file(8 << 20);

    try (RawFileReader reader = RawFileReader.open(file, 2);
        DirectFile out = DirectFile.create(folder.resolve("out"))) {
      Block block = reader.read(List.of(new ByteRange(4 << 20, 1 << 20))).join();
      try (RandomAccessFile other = new RandomAccessFile(file.toFile(), "rw")) {
        other.setLength(1 << 20);
      }

      assertThatThrownBy(() -> out.write(block.bytes(0), 0))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("out at byte 0");
      block.close();
    }
  }

  @Test
  void holesAreKnownWithoutReading() throws IOException {
    Path file = folder.resolve("sparse.raw");
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.setLength(64L << 30);
      sparse.seek(32L << 30);
      sparse.write(new byte[4096]);
    }

    List<ByteRange> data = new ArrayList<>();
    RawFile.allocated(
        file,
        (offset, length, kind) -> {
          if (kind == ExtentKind.DATA) {
            data.add(new ByteRange(offset, length));
          }
        });

    assertThat(data).hasSize(1);
    assertThat(data.getFirst().offset()).isEqualTo(32L << 30);
  }

  @Test
  void refusesADiskThatQemuWrites() throws Exception {
    Path file = file(1 << 20);
    Process writer = Tool.writer(file, "raw", folder.resolve("s"));
    try {
      assertThatThrownBy(() -> DiskLock.shared(file))
          .isInstanceOf(DiskInUseException.class)
          .hasMessageContaining("disk.raw")
          .hasMessageContaining("running VM");
    } finally {
      writer.destroy();
      writer.waitFor();
    }
    DiskLock.shared(file).close();
  }

  @Test
  void keepsQemuFromWritingWhileWeRead() throws IOException {
    Path file = file(1 << 20);
    Tool.Result meanwhile;

    try (DiskLock lock = DiskLock.shared(file)) {
      assertThat(lock).isNotNull();
      meanwhile = Tool.tryRun("qemu-io", "-f", "raw", "-c", "write 0 512", file);
    }

    assertThat(meanwhile.output()).contains("Failed to get \"write\" lock");
    Tool.run("qemu-io", "-f", "raw", "-c", "write 0 512", file);
  }
}
