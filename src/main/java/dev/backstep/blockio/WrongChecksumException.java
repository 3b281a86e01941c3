package dev.backstep.blockio;

import java.io.IOException;
import java.nio.file.Path;

/** A file does not hold any more what was written to it: its bytes have another checksum. */
public final class WrongChecksumException extends IOException {

  private static final long serialVersionUID = 1L;

  private final String file;

  WrongChecksumException(Path file, String problem) {
    super(file + " " + problem);
    this.file = file.toString();
  }

  /** Which one. */
  public Path file() {
    return Path.of(file);
  }
}
