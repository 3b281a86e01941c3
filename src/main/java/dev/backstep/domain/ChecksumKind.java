package dev.backstep.domain;

import java.util.Arrays;
import java.util.Optional;

/** By what an image's data is told to be what was written: how its checksums are taken. */
public enum ChecksumKind {

  /** RFC 3720, appendix B.4: finds what rots. */
  CRC32C("crc32c", "CRC-32C", 4),

  /** FIPS 180-4: finds what was changed on purpose, too. */
  SHA_256("sha-256", "SHA-256", 32);

  private final String word;
  private final String title;
  private final int lengthBytes;

  ChecksumKind(String word, String title, int lengthBytes) {
    this.word = word;
    this.title = title;
    this.lengthBytes = lengthBytes;
  }

  /** As it stands in a job definition and in the repository's files. */
  public String word() {
    return word;
  }

  /** As it stands in a finding. */
  public String title() {
    return title;
  }

  /** Length of one checksum. */
  public int lengthBytes() {
    return lengthBytes;
  }

  /** The one of that word; empty for one that this release does not know. */
  public static Optional<ChecksumKind> of(String word) {
    return Arrays.stream(values()).filter(kind -> kind.word.equals(word)).findFirst();
  }

  /** The one that is harder to deceive. */
  public ChecksumKind strongest(ChecksumKind other) {
    return compareTo(other) < 0 ? other : this;
  }
}
