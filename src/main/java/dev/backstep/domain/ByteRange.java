package dev.backstep.domain;

/**
 * A range of bytes of a disk or file: {@code [offset, offset + length)}.
 *
 * @param offset first byte, at least 0
 * @param length number of bytes, at least 0; the end never overflows a {@code long}
 */
public record ByteRange(long offset, long length) {

  /**
   * @throws IllegalArgumentException when offset or length is negative or the end overflows
   */
  public ByteRange {
    if (offset < 0 || length < 0 || offset + length < 0) {
      throw new IllegalArgumentException(
          "byte range at " + offset + " of " + length + " bytes: expected 0 <= offset <= end");
    }
  }

  /** First byte behind the range. */
  public long end() {
    return offset + length;
  }
}
