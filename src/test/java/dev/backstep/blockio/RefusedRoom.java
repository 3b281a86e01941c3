package dev.backstep.blockio;

import java.io.IOException;
import java.nio.file.Path;

/** Sets aside a part of the room that is asked for, and says that it could not, as a full disk. */
public final class RefusedRoom extends FileCalls implements AutoCloseable {

  private int asked;

  private RefusedRoom() {}

  /** From now on until it is closed. */
  public static RefusedRoom begin() {
    RefusedRoom calls = new RefusedRoom();
    FileCalls.use(calls);
    return calls;
  }

  @Override
  boolean reserve(Path file, long offset, long length) throws IOException {
    asked++;
    super.reserve(file, offset, length / 2);
    return false;
  }

  /** How often it was asked. */
  public int asked() {
    return asked;
  }

  @Override
  public void close() {
    FileCalls.use(new FileCalls());
  }
}
