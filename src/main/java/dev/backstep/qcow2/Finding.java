package dev.backstep.qcow2;

/**
 * Something in an image that should not be so.
 *
 * @param offsetBytes place in the file, in bytes: of the entry that is wrong, or of the cluster
 *     whose refcount is
 * @param found what stands there
 * @param expected what should
 * @param meaning what it does to who uses the image
 */
public record Finding(
    Severity severity, long offsetBytes, String found, String expected, String meaning) {

  /** How bad it is; the words are those of {@code qemu-img check}. */
  public enum Severity {
    /** Data may be lost or be overwritten. */
    CORRUPTION,
    /** Room in the file is lost, data is not. */
    LEAK
  }

  @Override
  public String toString() {
    return "at byte " + offsetBytes + ": " + found + ", expected " + expected + "; " + meaning;
  }
}
