package dev.backstep.backup;

import java.io.IOException;

/** A target cannot take the disk that is to be restored to it. Nothing of it was changed. */
public final class TargetException extends IOException {

  private static final long serialVersionUID = 1;

  public TargetException(String message) {
    super(message);
  }
}
