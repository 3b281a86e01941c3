package dev.backstep.catalog;

/** A task is writing to what another one asks for; there is one at a time. */
public final class TargetBusyException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  TargetBusyException(String place, String running) {
    super(
        place
            + " is being written by "
            + running
            + "; wait for it, stop it, or name another target");
  }

  /** The text for the operator; never null. */
  @Override
  public String getMessage() {
    return String.valueOf(super.getMessage());
  }
}
