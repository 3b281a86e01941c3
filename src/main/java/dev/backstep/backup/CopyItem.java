package dev.backstep.backup;

/**
 * What a disk's reader hands to its writer, in ascending order of the disk's bytes. An item says
 * what to copy and holds no bytes: those are read ahead of the writer, also while a chunk is
 * gathered or committed.
 */
public sealed interface CopyItem {

  /**
   * The next blocks of the plan.
   *
   * @param count how many, at least 1
   */
  record Blocks(int count) implements CopyItem {}

  /**
   * A part of the disk that tracking calls unchanged was compared with what it was before.
   *
   * @param bytes how much
   */
  record Audited(long bytes) implements CopyItem {}

  /** Nothing: what was handed out before is to be put before it is known what comes next. */
  record Pause() implements CopyItem {}

  /** The end of the disk: every disk has exactly one, also when nothing changed. */
  record Seal() implements CopyItem {}
}
