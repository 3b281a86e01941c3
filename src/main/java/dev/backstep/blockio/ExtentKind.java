package dev.backstep.blockio;

/** What an extent of a disk holds. */
public enum ExtentKind {
  /** Bytes that must be read. */
  DATA,
  /** Reads as zeros, known without reading: a hole, a trimmed or a zeroed range. */
  ZERO
}
