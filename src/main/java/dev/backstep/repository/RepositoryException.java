package dev.backstep.repository;

import java.io.IOException;

/** A repository, or a file in it, is not usable. The message says where, what and what to do. */
public final class RepositoryException extends IOException {

  private static final long serialVersionUID = 1L;

  /** What kind of trouble it is. */
  public enum Kind {
    /** The folder holds other things, or its {@code repository.json} cannot be read. */
    NOT_A_REPOSITORY,
    /** Written by a newer release. */
    NEWER_FORMAT,
    /** No permission, or a read-only file system. */
    NOT_WRITABLE,
    /** Processes of another database write to it. */
    IN_USE,
    /** A file that should be there is not. */
    MISSING,
    /** A file is there but its content is wrong. */
    DAMAGED
  }

  private final Kind kind;

  RepositoryException(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  RepositoryException(Kind kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  public Kind kind() {
    return kind;
  }
}
