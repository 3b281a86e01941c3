package dev.backstep.qcow2;

import java.io.IOException;
import java.nio.file.Path;

/** An image breaks its format, or uses a part of it that this release does not support. */
public final class Qcow2FormatException extends IOException {

  private static final long serialVersionUID = 1L;

  /**
   * @param offset place in the file, in bytes
   * @param problem what was found, what was expected, what to do
   */
  Qcow2FormatException(Path image, long offset, String problem) {
    super(image + " at byte " + offset + ": " + problem);
  }
}
