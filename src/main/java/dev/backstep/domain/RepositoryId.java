package dev.backstep.domain;

/**
 * A repository's id, kept in its {@code repository.json}: letters, digits, dot, dash and underscore
 * only, so that it is safe in a path.
 */
public record RepositoryId(String value) {

  /**
   * @throws IllegalArgumentException when the text is not safe as a file name
   */
  public RepositoryId {
    SafeName.check("RepositoryId", value);
  }

  @Override
  public String toString() {
    return value;
  }
}
