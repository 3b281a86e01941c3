package dev.backstep.qcow2;

/**
 * How far an image that is being written is forced to disk: all that another process needs to go
 * on.
 *
 * @param guestOffset everything in front of this byte of the disk is stored; cluster aligned, or
 *     the disk's end
 * @param hostOffset first byte of the file that is not taken
 * @param bytesData guest bytes stored as data so far, before compression
 */
public record WriterState(long guestOffset, long hostOffset, long bytesData) {

  public WriterState {
    if (guestOffset < 0 || hostOffset < 0 || bytesData < 0) {
      throw new IllegalArgumentException(
          "writer state " + guestOffset + "," + hostOffset + "," + bytesData + " is negative");
    }
  }

  /** The form that {@link #parse} reads. */
  @Override
  public String toString() {
    return guestOffset + "," + hostOffset + "," + bytesData;
  }

  /**
   * @throws IllegalArgumentException when the text is not what {@link #toString} gives
   */
  public static WriterState parse(String text) {
    String[] parts = text.split(",", -1);
    if (parts.length != 3) {
      throw new IllegalArgumentException("writer state '" + text + "': expected three numbers");
    }
    return new WriterState(
        Long.parseLong(parts[0]), Long.parseLong(parts[1]), Long.parseLong(parts[2]));
  }
}
