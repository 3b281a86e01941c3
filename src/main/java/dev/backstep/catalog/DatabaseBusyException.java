package dev.backstep.catalog;

/** Another process holds the embedded database. */
public final class DatabaseBusyException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  DatabaseBusyException(String message, Throwable cause) {
    super(message, cause);
  }
}
