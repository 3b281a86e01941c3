package dev.backstep.domain;

/**
 * The id of a disk backup, {@code backup-<vm>-disk<n>-<yyyyMMdd-HHmmss>}; also the stem of its
 * files' names: letters, digits, dot, dash and underscore only, so that it is safe in a path.
 */
public record DiskBackupId(String value) {

  /**
   * @throws IllegalArgumentException when the text is not safe as a file name
   */
  public DiskBackupId {
    SafeName.check("DiskBackupId", value);
  }

  @Override
  public String toString() {
    return value;
  }
}
