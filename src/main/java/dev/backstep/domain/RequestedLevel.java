package dev.backstep.domain;

/** The level that a job definition or an operator asks for. */
public enum RequestedLevel {
  /** Incremental where possible, else full. */
  AUTO,
  /** Full for every disk. */
  FULL,
  /** As {@link #AUTO}; a disk that cannot be incremental still goes full, with its reason. */
  INCREMENTAL
}
