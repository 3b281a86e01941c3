package dev.backstep.blockio;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

/** The checksum of a range follows from the old one and from the part that changed. */
class Crc32cShiftTests {

  private static int crc(byte[] bytes, int offset, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, offset, length);
    return (int) crc.getValue();
  }

  @Test
  void aChangedPartChangesTheWholeAsTheProcessorSays() {
    Random random = new Random(11);
    for (int i = 0; i < 500; i++) {
      byte[] bytes = new byte[1 + random.nextInt(5000)];
      random.nextBytes(bytes);
      int offset = random.nextInt(bytes.length);
      int length = 1 + random.nextInt(bytes.length - offset);
      int whole = crc(bytes, 0, bytes.length);
      int part = crc(bytes, offset, length);
      byte[] other = new byte[length];
      random.nextBytes(other);
      System.arraycopy(other, 0, bytes, offset, length);

      int difference = part ^ crc(bytes, offset, length);

      assertThat(whole ^ Crc32cShift.behind(difference, bytes.length - offset - length))
          .isEqualTo(crc(bytes, 0, bytes.length));
    }
  }

  @Test
  void nothingBehindChangesNothing() {
    assertThat(Crc32cShift.behind(0x12345678, 0)).isEqualTo(0x12345678);
    assertThat(Crc32cShift.behind(0, 1 << 20)).isZero();
  }

  /** So many bytes at once are as many one by one. */
  @Test
  void lengthsAddUp() {
    for (long length : new long[] {1, 7, 65536, (1L << 31) + 5, (1L << 40) + 12345}) {
      int once = Crc32cShift.behind(0x9e3779b9, length);
      int twice =
          Crc32cShift.behind(Crc32cShift.behind(0x9e3779b9, length / 3), length - length / 3);
      assertThat(twice).isEqualTo(once);
    }
  }
}
