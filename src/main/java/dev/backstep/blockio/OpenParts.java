package dev.backstep.blockio;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;

/** What somebody has opened and owns: closed together, the last one first. For one thread. */
public final class OpenParts implements Closeable {

  private final Deque<Closeable> parts = new ArrayDeque<>();

  /** Takes the part over; it is closed before those that were added earlier. */
  public <C extends Closeable> C add(C part) {
    parts.push(part);
    return part;
  }

  /**
   * Closes all of them, also behind one that fails.
   *
   * @throws IOException the first failure, the others suppressed in it
   */
  @Override
  public void close() throws IOException {
    IOException failure = null;
    while (!parts.isEmpty()) {
      try {
        parts.pop().close();
      } catch (IOException e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }
}
