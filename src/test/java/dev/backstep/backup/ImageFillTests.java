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
}
