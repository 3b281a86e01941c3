package dev.backstep.domain;

/** What an image has been through. */
public enum Proof {
  /** Its manifest, header, tables and refcounts were found right. */
  STRUCTURE,
  /** Every byte that was written to it was read again and had its checksum. */
  DATA
}
