package dev.backstep.blockio;

import java.io.IOException;

/** A file of checksums, and of a kind that only a newer release knows. */
public final class NewerChecksumsException extends IOException {

  private static final long serialVersionUID = 1;

  NewerChecksumsException(String message) {
    super(message);
  }
}
