package dev.backstep.catalog;

/** Another task was begun onto what a restore writes to; going on would mix the two. */
public final class SupersededException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  SupersededException(String restore, String newer) {
    super(text(restore, newer));
  }

  /** Of one that did not note what it writes to. */
  SupersededException(String restore) {
    super(
        restore
            + " cannot be gone on with: an earlier release began it, and did not note what else was"
            + " begun onto the same targets; restore again");
  }

  /** The same for whoever finds it before it is tried. */
  public static String text(String restore, String newer) {
    return restore
        + " cannot be gone on with: "
        + newer
        + " was begun since onto what it writes to, and the two would be mixed; restore again";
  }

  /** The text for the operator; never null. */
  @Override
  public String getMessage() {
    return String.valueOf(super.getMessage());
  }
}
