package dev.backstep.domain;

/** Who copies the bytes of a backup. */
public enum Mover {
  /** This program, by the backup job. */
  INTERNAL,
  /** Another one, which tells us when each disk is done. */
  EXTERNAL
}
