package dev.backstep.nbd;

import java.io.IOException;

/** An NBD server cannot be reached, refuses, or fails; it keeps to the protocol. */
public final class NbdException extends IOException {

  private static final long serialVersionUID = 1L;

  /** What the trouble is. */
  public enum Kind {
    UNREACHABLE,
    UNKNOWN_EXPORT,
    REFUSED,
    TLS_REQUIRED,
    /** The server answered a request with an error of its own. */
    SERVER_ERROR,
    /** The connection ended or stalled. */
    LOST
  }

  private final Kind kind;

  NbdException(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  NbdException(Kind kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  public Kind kind() {
    return kind;
  }
}
