package dev.backstep.catalog;

/** What is told of a replication contradicts what is recorded; asking again does not help. */
public final class ReplicationConflictException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  ReplicationConflictException(String message) {
    super(message);
  }

  /** The text for the operator; never null. */
  @Override
  public String getMessage() {
    return String.valueOf(super.getMessage());
  }
}
