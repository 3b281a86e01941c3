package dev.backstep.backup;

import java.io.IOException;

/**
 * The image that an incremental was to stand on, or one below it, cannot be read. The disk that is
 * backed up has nothing to do with it: it can be copied whole.
 */
public final class UnreadableBaseException extends IOException {

  private static final long serialVersionUID = 1L;

  UnreadableBaseException(IOException cause) {
    super("what the last backup holds cannot be read: " + SourceClusters.text(cause), cause);
  }
}
