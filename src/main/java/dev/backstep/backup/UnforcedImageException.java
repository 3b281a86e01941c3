package dev.backstep.backup;

import java.io.IOException;

/**
 * An image that another program filled could not be forced to disk. What of it is there nobody can
 * say any more: the system may have dropped what it could not write, and calls the rest clean, so
 * that another force proves nothing. It must be filled anew.
 */
public final class UnforcedImageException extends IOException {

  private static final long serialVersionUID = 1L;

  UnforcedImageException(IOException cause) {
    super(cause.getMessage(), cause);
  }
}
