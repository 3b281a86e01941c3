package dev.backstep.source.libvirt;

import dev.backstep.source.SourceException;

/** libvirt refuses a control call, and why is known. */
final class ControlException extends SourceException {

  private static final long serialVersionUID = 1L;

  private final Why why;

  ControlException(Why why, String message) {
    super(why.kind, message);
    this.why = why;
  }

  /** The reasons that callers act on. */
  enum Why {
    NO_DOMAIN(Kind.NOT_FOUND),
    NO_DAEMON(Kind.UNREACHABLE),
    /** A checkpoint that libvirt does not know. */
    NO_CHECKPOINT(Kind.FAILED),
    /** A checkpoint whose bitmap is missing or cannot be trusted; the message names the disk. */
    BROKEN_CHECKPOINT(Kind.FAILED),
    /** A checkpoint to be deleted has no bitmap any more. */
    NO_BITMAP(Kind.FAILED),
    /** Another job has the domain, or one of its disks. */
    BUSY(Kind.LOCKED),
    NO_BACKUP_JOB(Kind.FAILED),
    NO_JOB(Kind.FAILED),
    /** What was asked needs a running domain. */
    INACTIVE(Kind.FAILED),
    /** The guest has no agent. */
    NO_AGENT(Kind.FAILED),
    /** The guest's agent does not answer now; it may be busy. */
    LATE_AGENT(Kind.FAILED),
    OTHER(Kind.FAILED);

    private final Kind kind;

    Why(Kind kind) {
      this.kind = kind;
    }

    /**
     * @param said what virsh printed in English
     */
    static Why of(String said) {
      if (said.contains("failed to connect to the hypervisor")
          || said.contains("End of file while reading data")
          || said.contains("Connection reset by peer")
          || said.contains("client socket is closed")) {
        return NO_DAEMON;
      }
      if (said.contains("failed to get domain") || said.contains("Domain not found:")) {
        return NO_DOMAIN;
      }
      if (said.contains("checkpoint inconsistent:")) {
        return BROKEN_CHECKPOINT;
      }
      if (said.contains("Domain checkpoint not found:")) {
        return NO_CHECKPOINT;
      }
      if (said.contains("not found in backing chain of")) {
        return NO_BITMAP;
      }
      if (said.contains("Timed out during operation: cannot acquire state change lock")
          || said.contains("already in active block job")
          || said.contains("another backup job")
          || said.contains("backup job data missing")) { // of one that begins
        return BUSY;
      }
      if (said.contains("Domain backup job id not found:")) {
        return NO_BACKUP_JOB;
      }
      if (said.contains("no job is active on the domain")) {
        return NO_JOB;
      }
      if (said.contains("inactive domain") || said.contains("domain is not running")) {
        return INACTIVE;
      }
      if (said.contains("Guest agent not available for now")) {
        return LATE_AGENT;
      }
      if (said.contains("Guest agent is not responding:")
          || said.contains("QEMU guest agent is not configured")) {
        return NO_AGENT;
      }
      return OTHER;
    }
  }

  Why why() {
    return why;
  }
}
