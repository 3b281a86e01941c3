package dev.backstep.blockio;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.domain.ChecksumKind;
import dev.backstep.testing.Tool;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChecksumCopyTests {

  private static final int CLUSTER = 64 << 10;

  @TempDir Path temp;

  private static Checksum range(byte[] file, int offset, int length) {
    Digest digest = Digest.of(ChecksumKind.CRC32C);
    digest.update(ByteBuffer.wrap(file, offset, length));
    return new Checksum(offset, length, digest.sum());
  }

  /** Merging leaves holes in an image; its copy in a second repository must not cost more. */
  @Test
  void holesOfTheSourceAreHolesOfTheCopy() throws Exception {
    byte[] file = new byte[100 * CLUSTER + 4096];
    byte[] data = new byte[CLUSTER];
    new Random(7).nextBytes(data);
    for (int cluster : List.of(0, 1, 40, 99)) {
      System.arraycopy(data, 0, file, cluster * CLUSTER, CLUSTER);
    }
    file[60 * CLUSTER + CLUSTER / 2] = 1;
    Path source = temp.resolve("source");
    Files.write(source, file);
    Path target = temp.resolve("target");

    try (ChecksumCopy copy = ChecksumCopy.open(source, target, file.length)) {
      copy.copy(List.of(range(file, 0, 32 * CLUSTER)));
      copy.force();
    }
    try (ChecksumCopy copy = ChecksumCopy.open(source, target, file.length)) {
      copy.copy(List.of(range(file, 32 * CLUSTER, 32 * CLUSTER)));
      copy.copyUnchecked(64 * CLUSTER, file.length - 64 * CLUSTER);
      copy.force();
    }

    assertThat(Files.mismatch(source, target)).isEqualTo(-1);
    assertThat(Tool.allocatedBytes(source)).isGreaterThanOrEqualTo(100 * CLUSTER);
    assertThat(Tool.allocatedBytes(target)).isBetween(5L * CLUSTER, 6L * CLUSTER + 4096);
  }
}
