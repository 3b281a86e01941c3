package dev.backstep.domain;

import java.util.Locale;

/** What an image has been through, from the least to the most that it proves. */
public enum Proof {
  /** It was sealed under its final name. */
  WRITTEN,
  /** Checksums of all that it holds were taken while it was written. */
  CHECKSUMMED,
  /** Its manifest, header, tables and refcounts were found right. */
  STRUCTURE,
  /** Every byte that was written to it was read again and had its checksum. */
  DATA,
  /** It was restored as a whole. */
  RESTORED,
  /** A machine booted from it, or a command was content with what it holds. */
  BOOTED;

  /** Its name in answers and on the screen. */
  public String word() {
    return switch (this) {
      case STRUCTURE -> "chain_checked";
      case DATA -> "data_verified";
      default -> name().toLowerCase(Locale.ROOT);
    };
  }

  /** Whether an image has it only when all have it that it stands on. */
  public boolean ofChain() {
    return this == CHECKSUMMED || this == STRUCTURE || this == DATA;
  }
}
