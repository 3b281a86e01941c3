package dev.backstep.blockio;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.domain.ByteRange;
import dev.backstep.domain.ChecksumKind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is copied piece by piece is the same as what is looked at in place. */
class MappedBytesTests {

  @TempDir Path folder;

  private static byte[] random(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return bytes;
  }

  @ParameterizedTest
  @EnumSource(ChecksumKind.class)
  void checksumOfAMappedFileIsThatOfItsBytes(ChecksumKind kind) throws IOException {
    for (int length : new int[] {1, 2047, 2048, 2049, 4095, 65_536, 200_000}) {
      byte[] bytes = random(length);
      Path file = Files.write(folder.resolve("file"), bytes);
      try (RawFileReader reader = RawFileReader.open(file, 1);
          Block block = reader.read(List.of(new ByteRange(0, length))).join()) {
        ByteBuffer mapped = block.bytes(0);

        assertThat(Digest.of(kind, mapped)).isEqualTo(Digest.of(kind, ByteBuffer.wrap(bytes)));
        assertThat(mapped.remaining()).isEqualTo(length);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2047, 2048, 2049, 65_537, 200_000})
  void oneByteThatDiffersIsFoundOnWhicheverSideIsMapped(int length) throws IOException {
    byte[] bytes = random(length);
    Path file = Files.write(folder.resolve("file"), bytes);
    Path twin = Files.write(folder.resolve("twin"), bytes);
    try (RawFileReader reader = RawFileReader.open(file, 1);
        RawFileReader second = RawFileReader.open(twin, 1);
        Block block = reader.read(List.of(new ByteRange(0, length))).join();
        Block other = second.read(List.of(new ByteRange(0, length))).join()) {
      ByteBuffer mapped = block.bytes(0);
      assertThat(MappedBytes.equal(mapped, ByteBuffer.wrap(bytes))).isTrue();
      assertThat(MappedBytes.equal(mapped, other.bytes(0))).isTrue();
      for (int at : new int[] {0, length / 2, length - 1}) {
        byte[] wrong = bytes.clone();
        wrong[at] ^= 1;

        assertThat(MappedBytes.equal(mapped, ByteBuffer.wrap(wrong))).as("byte " + at).isFalse();
        assertThat(MappedBytes.equal(ByteBuffer.wrap(wrong), mapped)).as("byte " + at).isFalse();
      }
      assertThat(MappedBytes.equal(mapped, ByteBuffer.wrap(bytes, 0, length - 1))).isFalse();
    }
  }
}
