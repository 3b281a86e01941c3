package dev.backstep.blockio;

import dev.backstep.domain.ByteRange;
import java.util.List;

/** The rules for the ranges of a read, in one place for every reader. */
public final class Ranges {

  private Ranges() {}

  /**
   * @throws IllegalArgumentException when the ranges break the rules of {@link BlockReader#read}
   */
  public static void check(List<ByteRange> ranges, long sizeBytes) {
    long end = 0;
    long total = 0;
    for (ByteRange range : ranges) {
      if (range.length() == 0 || range.offset() < end || range.end() > sizeBytes) {
        throw new IllegalArgumentException(
            "read of "
                + range
                + ": expected at least a byte, behind byte "
                + end
                + ", inside the disk of "
                + sizeBytes);
      }
      end = range.end();
      total += range.length();
    }
    if (total == 0 || total > BlockReader.BLOCK_BYTES_MAX) {
      throw new IllegalArgumentException(
          "read of " + total + " bytes: expected 1 to " + BlockReader.BLOCK_BYTES_MAX);
    }
  }
}
