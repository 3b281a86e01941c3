package dev.backstep.backup;

import java.util.List;
import java.util.regex.Pattern;

/** The end of what a guest printed on its serial port. Thread-safe. */
final class Console {

  private static final int CHARS_MAX = 256 << 10;
  private static final int LINES_SHOWN = 20;

  /** Escape sequences of terminals, and what else moves the cursor. */
  private static final Pattern CONTROL =
      Pattern.compile("\u001b\\[[0-9;?]*[A-Za-z]|\u001b[=>()][0-9A-B]?|[\\p{Cc}&&[^\n]]");

  private final StringBuilder text = new StringBuilder();

  synchronized void append(String more) {
    text.append(more);
    if (text.length() > CHARS_MAX) {
      text.delete(0, text.length() - CHARS_MAX / 2);
    }
  }

  /** Whether a part of it matches, without what only moves the cursor. */
  boolean shows(Pattern pattern) {
    return pattern.matcher(plain()).find();
  }

  private synchronized String plain() {
    return CONTROL.matcher(text).replaceAll("");
  }

  /** Its last lines, for people. */
  String lastLines() {
    List<String> lines = plain().lines().filter(line -> !line.isBlank()).toList();
    return String.join("\n", lines.subList(Math.max(0, lines.size() - LINES_SHOWN), lines.size()));
  }
}
