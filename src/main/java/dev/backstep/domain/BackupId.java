package dev.backstep.domain;

/**
 * The id of a backup, {@code backup-<vm>-<yyyyMMdd-HHmmss>}: letters, digits, dot, dash and
 * underscore only, so that it is safe in a path.
 */
public record BackupId(String value) {

  /**
   * @throws IllegalArgumentException when the text is not safe as a file name
   */
  public BackupId {
    SafeName.check("BackupId", value);
  }

  @Override
  public String toString() {
    return value;
  }
}
