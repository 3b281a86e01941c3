package dev.backstep.source;

/** A snapshot cannot be taken up again: it is gone, or cannot be shown to be the same moment. */
public final class SnapshotGoneException extends Exception {

  private static final long serialVersionUID = 1L;

  public SnapshotGoneException(String message) {
    super(message);
  }
}
