package dev.backstep.source;

/** A source's answer to "what changed since this change id?". */
public sealed interface ChangedAnswer {

  /** The extents reported are all that changed. */
  record Known() implements ChangedAnswer {}

  /**
   * The source tracks changes but cannot answer for this change id any more.
   *
   * @param cause one sentence for the operator
   */
  record Reset(String cause) implements ChangedAnswer {}

  /**
   * The source does not track changes of this disk.
   *
   * @param cause one sentence for the operator
   */
  record Unavailable(String cause) implements ChangedAnswer {}
}
