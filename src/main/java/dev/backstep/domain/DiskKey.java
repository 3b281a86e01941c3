package dev.backstep.domain;

/** The source's own stable name of a disk, such as {@code vda} or {@code 2000}; never empty. */
public record DiskKey(String value) implements Comparable<DiskKey> {

  /**
   * @throws IllegalArgumentException when empty
   */
  public DiskKey {
    if (value.isEmpty()) {
      throw new IllegalArgumentException("a disk key must not be empty");
    }
  }

  @Override
  public int compareTo(DiskKey other) {
    return value.compareTo(other.value);
  }

  @Override
  public String toString() {
    return value;
  }
}
