package dev.backstep.source.libvirt;

/** Whether the guest's file systems are frozen at the instant of a snapshot. */
enum Quiesce {
  /** No snapshot without. */
  REQUIRED,
  /** Where the guest's agent does it. */
  TRY,
  OFF
}
