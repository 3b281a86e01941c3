package dev.backstep.backup;

import java.util.Locale;

/** What a restored disk becomes. */
public enum RestoreTarget {
  /** A raw file, sparse where the disk is empty. */
  RAW,
  /** A standalone QCOW2 image. */
  QCOW2;

  /** The word in options and file names: {@code raw}, {@code qcow2}. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
