package dev.backstep.domain;

/**
 * The source's mark of a moment in a disk's life: a dirty bitmap's name, a checkpoint, a VMware
 * changeId. Opaque text, never empty; "no change id" is an empty {@code Optional}.
 */
public record ChangeId(String value) {

  /** Longest text kept, in characters. */
  public static final int LENGTH_MAX = 1000;

  /**
   * @throws IllegalArgumentException when empty or longer than {@link #LENGTH_MAX}
   */
  public ChangeId {
    if (value.isEmpty() || value.length() > LENGTH_MAX) {
      throw new IllegalArgumentException(
          "change id of " + value.length() + " characters: expected 1 to " + LENGTH_MAX);
    }
  }

  @Override
  public String toString() {
    return value;
  }
}
