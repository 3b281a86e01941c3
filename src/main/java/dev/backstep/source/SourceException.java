package dev.backstep.source;

import java.io.IOException;

/** A source cannot do what was asked. The message says which VM or disk, why, and what to do. */
public class SourceException extends IOException {

  private static final long serialVersionUID = 1L;

  /** What kind of trouble it is; decides the exit code. */
  public enum Kind {
    /** The VM, disk, file or export is not there. */
    NOT_FOUND,
    /** In use by a running VM or another program. */
    LOCKED,
    /**
     * The source cannot be asked now: network, session, rights. That says nothing about its disks,
     * so it fails a backup and costs no disk its change tracking.
     */
    UNREACHABLE,
    /** Everything else: refused, broken, unreachable. */
    FAILED
  }

  private final Kind kind;

  public SourceException(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  public SourceException(Kind kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  public Kind kind() {
    return kind;
  }
}
