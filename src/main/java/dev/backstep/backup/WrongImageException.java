package dev.backstep.backup;

import java.io.IOException;
import java.nio.file.Path;

/** An image that another program filled is damaged, or is not the one that it was given. */
public final class WrongImageException extends IOException {

  private static final long serialVersionUID = 1L;

  WrongImageException(Path image, String problem) {
    super(image + ": " + problem);
  }

  WrongImageException(Throwable cause) {
    super(cause.getMessage(), cause);
  }
}
