package dev.backstep.catalog;

import java.io.IOException;

/**
 * This process does not own the backup any more: its lease has ended or another process took the
 * backup over. Nothing may be published; whoever owns it now goes on.
 */
public final class FencedException extends IOException {

  private static final long serialVersionUID = 1L;

  FencedException(String message) {
    super(message);
  }
}
