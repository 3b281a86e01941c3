package dev.backstep.domain;

import java.util.Locale;

/** What a disk backup was. */
public enum Level {
  /** A standalone image: a new chain root. */
  FULL,
  /** An overlay on the disk's newest completed image. */
  INCREMENTAL;

  /** The word used in the database, JSON and on screen: {@code full} or {@code incremental}. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
