package dev.backstep.domain;

/** How the check of one image ended. */
public enum ImageResult {
  PENDING,
  CLEAN,
  DAMAGED,
  /** Its restore point was deleted before it was its turn. */
  GONE
}
