package dev.backstep.testing;

import dev.backstep.blockio.ChangeSite;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.util.Set;
import java.util.regex.Pattern;

/** What a call that changes a file or a folder meets. */
public enum WriteError {
  EIO("Input/output error"),
  ENOSPC("No space left on device"),
  /** Half of what was to be written is. */
  SHORT("");

  /** What an operator is told to do. */
  private static final Pattern HINTS = Pattern.compile("check |free |repair");

  private static final Set<String> CHANNEL_CALLS = Set.of("write", "force", "truncate");

  private final String text;

  WriteError(String text) {
    this.text = text;
  }

  /**
   * @return bytes that are written
   */
  public int meet(ChangeSite site, int bytes) throws IOException {
    if (this == SHORT) {
      return Math.max(1, bytes / 2);
    }
    // as the JDK does: a channel's error is the text alone, that of a name has the name
    throw CHANNEL_CALLS.contains(site.call())
        ? new IOException(text)
        : new FileSystemException(site.what(), null, text);
  }

  /** Whether a call can meet it. */
  public boolean fits(ChangeSite site) {
    return this != SHORT || site.call().equals("write");
  }

  /** Whether a message says where it was, and what to do. */
  public static boolean isClear(String told, String place) {
    return told.contains(place) && HINTS.matcher(told).find();
  }
}
