package dev.backstep.qcow2;

import java.nio.file.Path;

/**
 * How far an image that is being written is forced to disk: all that another process needs to go
 * on.
 *
 * @param guestOffset everything in front of this byte of the disk is stored; cluster aligned, or
 *     the disk's end
 * @param hostOffset first byte of the file that is not taken
 * @param bytesData guest bytes stored as data so far, before compression
 * @param checksumBytes length of the file of checksums; 0 when there is none
 */
public record WriterState(long guestOffset, long hostOffset, long bytesData, long checksumBytes) {

  public WriterState {
    if (guestOffset < 0 || hostOffset < 0 || bytesData < 0 || checksumBytes < 0) {
      throw new IllegalArgumentException("writer state with a negative number");
    }
  }

  WriterState withChecksums(long lengthBytes) {
    return new WriterState(guestOffset, hostOffset, bytesData, lengthBytes);
  }

  /**
   * @throws Qcow2FormatException when the image's file cannot be what was forced
   */
  void requireForced(Path image, long fileBytes) throws Qcow2FormatException {
    if (fileBytes < hostOffset) {
      throw new Qcow2FormatException(
          image,
          fileBytes,
          "the file ends here, but "
              + hostOffset
              + " bytes were forced; the image must be written anew");
    }
  }

  /** The form that {@link #parse} reads. */
  @Override
  public String toString() {
    return guestOffset + "," + hostOffset + "," + bytesData + "," + checksumBytes;
  }

  /**
   * @throws IllegalArgumentException when the text is not what {@link #toString} gives
   */
  public static WriterState parse(String text) {
    String[] parts = text.split(",", -1);
    if (parts.length != 4) {
      throw new IllegalArgumentException("writer state '" + text + "': expected four numbers");
    }
    return new WriterState(
        Long.parseLong(parts[0]),
        Long.parseLong(parts[1]),
        Long.parseLong(parts[2]),
        Long.parseLong(parts[3]));
  }
}
