package dev.backstep.api;

import java.math.BigInteger;
import org.springframework.http.HttpStatus;

/** A disk's number as a caller writes it: of any length, whatever numbers there are. */
final class DiskIds {

  /** The largest that a disk can have. */
  static final BigInteger MAX = BigInteger.valueOf(Integer.MAX_VALUE);

  private static final int DIGITS_MAX = 1000;

  private DiskIds() {}

  static BigInteger parse(String text) {
    if (text.length() > DIGITS_MAX || !text.matches("[0-9]+")) {
      throw new Problem(
          HttpStatus.BAD_REQUEST, "'disk_id' is '" + text + "', expected a number such as 0");
    }
    return new BigInteger(text);
  }
}
