package dev.backstep.cli;

import java.io.IOException;

/**
 * What the doctor found at one thing.
 *
 * @param good whether nothing needs to be done
 * @param what the thing
 * @param text what it is like, or, what is wrong and what to do
 */
record Finding(boolean good, String what, String text) {

  /** Looks at one thing and says what it is like. */
  @FunctionalInterface
  interface Check {
    String run() throws IOException;
  }

  /** An exception's text is what is wrong. */
  static Finding of(String what, Check check) {
    try {
      return new Finding(true, what, check.run());
    } catch (IOException | RuntimeException e) {
      return new Finding(false, what, ExitCode.of(e).text());
    }
  }
}
