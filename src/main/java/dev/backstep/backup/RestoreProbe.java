package dev.backstep.backup;

import java.io.Closeable;
import java.io.IOException;
import java.util.Optional;

/** Something that finds out whether a restore point is of use. For one thread. */
public interface RestoreProbe extends Closeable {

  /**
   * How it ended.
   *
   * @param alive whether it is
   * @param detail what was seen, or what was missing
   */
  record Verdict(boolean alive, String detail) {}

  /** Looks how things stand; takes up to a few seconds. Empty while there is nothing to say. */
  Optional<Verdict> look() throws IOException;
}
