package dev.backstep.catalog;

/** The database's tables were made by a newer release. */
public final class NewerDatabaseException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  NewerDatabaseException(String message) {
    super(message);
  }
}
