package dev.backstep.source.qmp;

import dev.backstep.source.SourceException;

/** A QEMU's monitor cannot be asked, or refuses, and why is known. */
final class QmpException extends SourceException {

  private static final long serialVersionUID = 1L;

  private final Why why;

  QmpException(Why why, String message) {
    super(why.kind, message);
    this.why = why;
  }

  QmpException(Why why, String message, Throwable cause) {
    super(why.kind, message, cause);
    this.why = why;
  }

  /** The reasons that callers act on. */
  enum Why {
    /** Nobody listens: the VM does not run. */
    ABSENT(Kind.UNREACHABLE),
    /** Somebody listens and says nothing in time. */
    SILENT(Kind.UNREACHABLE),
    /** The connection ended, as when QEMU does. */
    LOST(Kind.UNREACHABLE),
    /** What was said is no QMP. */
    PROTOCOL(Kind.FAILED),
    /** QEMU answered a command with an error. */
    REFUSED(Kind.FAILED);

    private final Kind kind;

    Why(Kind kind) {
      this.kind = kind;
    }
  }

  Why why() {
    return why;
  }
}
