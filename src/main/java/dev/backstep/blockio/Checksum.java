package dev.backstep.blockio;

/**
 * What a range of a file held when it was written.
 *
 * @param offset first byte
 * @param lengthBytes at least 1
 */
public record Checksum(long offset, int lengthBytes, Sum sum) {

  public Checksum {
    if (offset < 0 || lengthBytes < 1 || offset > Long.MAX_VALUE - lengthBytes) {
      throw new IllegalArgumentException(
          "a checksum of " + lengthBytes + " bytes at byte " + offset);
    }
  }
}
