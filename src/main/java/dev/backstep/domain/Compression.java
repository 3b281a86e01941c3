package dev.backstep.domain;

/** How data clusters are stored. */
public enum Compression {
  NONE,
  ZSTD
}
