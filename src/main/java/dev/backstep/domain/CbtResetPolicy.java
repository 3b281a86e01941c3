package dev.backstep.domain;

/** What to do with a disk whose change tracking cannot answer. */
public enum CbtResetPolicy {
  /** Write a new standalone image. */
  FULL,
  /** Read the whole disk, compare it with the chain, store what differs as an overlay. */
  COMPARE
}
