package dev.backstep.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.ExtentKind;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.Compression;
import dev.backstep.qcow2.Qcow2Reader;
import dev.backstep.qcow2.Qcow2Spec;
import dev.backstep.qcow2.Qcow2Writer;
import dev.backstep.testing.HeapBlock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageFillTests {

  @TempDir private Path folder;

  private Path image(String name, Optional<String> base, Clusters item) throws IOException {
    long size = item.span().end();
    Path path = folder.resolve(name);
    Qcow2Spec spec = new Qcow2Spec(size, base, 16, Compression.NONE, 1);
    try (Qcow2Writer writer = Qcow2Writer.create(path, spec)) {
      new ImageFill(writer).put(item);
      writer.finish();
    }
    return path;
  }

  private static Clusters item(byte[] disk, Optional<byte[]> base) {
    ByteRange all = new ByteRange(0, disk.length);
    Block data = new HeapBlock(disk, List.of(all));
    return new Clusters(
        Optional.of(data),
        base.map(bytes -> new HeapBlock(bytes, List.of(all))),
        List.of(new ClusterMap.Run(all, ExtentKind.DATA)));
  }

  /**
   * An image counts in sectors; what lies behind a disk that ends within one is not the chain's.
   */
  @Test
  void aDiskThatShrankWithinASectorReadsAsZerosBehindItsEnd() throws Exception {
    byte[] before = new byte[1024];
    Arrays.fill(before, (byte) 7);
    byte[] now = Arrays.copyOf(before, 600);
    image("base.qcow2", Optional.empty(), item(before, Optional.empty()));

    Path top = image("top.qcow2", Optional.of("base.qcow2"), item(now, Optional.of(before)));

    byte[] shown = new byte[1024];
    try (Qcow2Reader reader = Qcow2Reader.open(top, 2);
        Block block = reader.read(List.of(new ByteRange(0, 1024))).join()) {
      block.bytes(0).get(shown);
    }
    assertThat(shown).isEqualTo(Arrays.copyOf(now, 1024));
  }

  @Test
  void whatTheChainHasAlreadyIsNotStored() throws Exception {
    byte[] disk = new byte[1024];
    Arrays.fill(disk, (byte) 7);
    image("base.qcow2", Optional.empty(), item(disk, Optional.empty()));
    Qcow2Spec spec = new Qcow2Spec(disk.length, Optional.of("base.qcow2"), 16, Compression.NONE, 1);

    try (Qcow2Writer writer = Qcow2Writer.create(folder.resolve("top.qcow2"), spec)) {
      new ImageFill(writer).put(item(disk, Optional.of(disk)));

      assertThat(writer.bytesData()).isZero();
    }
  }

  /** A block whose memory belongs to somebody else once it is closed. */
  private record Lent(byte[] bytes, List<ByteRange> ranges) implements Block {
    @Override
    public ByteBuffer bytes(int index) {
      int at = (int) ranges.subList(0, index).stream().mapToLong(ByteRange::length).sum();
      return ByteBuffer.wrap(bytes, at, (int) ranges.get(index).length()).slice();
    }

    @Override
    public void close() {
      Arrays.fill(bytes, (byte) 0xee);
    }
  }

  @Test
  void memoryIsKeptUntilTheLastPartIsWritten() throws Exception {
    int half = 1 << 20;
    int blocks = 24;
    long size = blocks * 4L * half;
    Path path = folder.resolve("parts.qcow2");
    Qcow2Spec spec = new Qcow2Spec(size, Optional.empty(), 16, Compression.NONE, 1);
    try (Qcow2Writer writer = Qcow2Writer.create(path, spec)) {
      ImageFill fill = new ImageFill(writer);
      for (int i = 0; i < blocks; i++) {
        long at = i * 4L * half;
        ByteRange first = new ByteRange(at, half);
        ByteRange zeros = new ByteRange(at + half, half);
        ByteRange second = new ByteRange(at + 2L * half, half);
        byte[] bytes = new byte[2 * half];
        Arrays.fill(bytes, (byte) (i + 1));
        fill.put(
            new Clusters(
                Optional.of(new Lent(bytes, List.of(first, second))),
                Optional.empty(),
                List.of(
                    new ClusterMap.Run(first, ExtentKind.DATA),
                    new ClusterMap.Run(zeros, ExtentKind.ZERO),
                    new ClusterMap.Run(second, ExtentKind.DATA))));
      }
      writer.finish();
    }

    try (Qcow2Reader reader = Qcow2Reader.open(path, 2)) {
      for (int i = 0; i < blocks; i++) {
        byte[] expected = new byte[half];
        Arrays.fill(expected, (byte) (i + 1));
        for (long at : new long[] {i * 4L * half, i * 4L * half + 2L * half}) {
          byte[] shown = new byte[half];
          try (Block block = reader.read(List.of(new ByteRange(at, half))).join()) {
            block.bytes(0).get(shown);
          }
          assertThat(Arrays.equals(shown, expected)).as("data at %d", at).isTrue();
        }
      }
    }
  }
}
