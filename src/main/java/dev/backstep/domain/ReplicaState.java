package dev.backstep.domain;

/** What the target of a replicated disk is. */
public enum ReplicaState {
  /** The disk as it was at the moment of its change id. */
  WHOLE,
  /** A run has begun to write it and has not come to its end. */
  PARTIAL
}
