package dev.backstep.blockio;

/**
 * What a difference of two CRC-32C becomes when the same bytes follow in both: the checksum is
 * linear, so that of a long range follows from the old one and from the part that changed. Bit 31
 * of an {@code int} is the coefficient of x^0, as in the checksum itself (RFC 3720, appendix B.4).
 */
final class Crc32cShift {

  /** The polynomial 0x1EDC6F41, its bits in that order. */
  private static final int POLYNOMIAL = 0x82f63b78;

  private static final int ONE = 1 << 31;

  /** x to the power of 8 * 2^i, modulo the polynomial. */
  private static final int[] POWERS = powers();

  private Crc32cShift() {}

  private static int[] powers() {
    int[] powers = new int[Long.SIZE];
    int power = ONE >>> 8;
    for (int i = 0; i < powers.length; i++) {
      powers[i] = power;
      power = product(power, power);
    }
    return powers;
  }

  /**
   * @param difference of two checksums, bit by bit
   * @param bytes that follow, at least 0
   */
  static int behind(int difference, long bytes) {
    int shifted = difference;
    for (long left = bytes; left != 0; left &= left - 1) {
      shifted = product(shifted, POWERS[Long.numberOfTrailingZeros(left)]);
    }
    return shifted;
  }

  /** Modulo the polynomial. */
  private static int product(int one, int other) {
    int sum = 0;
    int shifted = other;
    for (int bits = one; bits != 0; bits <<= 1) {
      if (bits < 0) {
        sum ^= shifted;
      }
      shifted = (shifted & 1) == 0 ? shifted >>> 1 : shifted >>> 1 ^ POLYNOMIAL;
    }
    return sum;
  }
}
