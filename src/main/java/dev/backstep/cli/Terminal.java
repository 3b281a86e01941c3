package dev.backstep.cli;

import java.io.Console;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * Where a command's results and errors go. Results are on {@code out}, everything else on {@code
 * err}, both in UTF-8 whatever the locale.
 *
 * @param interactive whether somebody watches {@code out}, so that lines may be redrawn
 * @param columns its width
 */
public record Terminal(PrintStream out, PrintStream err, boolean interactive, int columns) {

  private static final int COLUMNS_DEFAULT = 80;
  private static final int COLUMNS_MIN = 40;

  /**
   * This process's own. The launcher, which can tell what each stream is, says so by the system
   * property {@code backstep.terminal}.
   */
  public static Terminal system() {
    String told = System.getProperty("backstep.terminal");
    return new Terminal(
        new PrintStream(System.out, true, StandardCharsets.UTF_8),
        new PrintStream(System.err, true, StandardCharsets.UTF_8),
        told == null ? isConsole() : Boolean.parseBoolean(told),
        columns(System.getProperty("backstep.columns", "")));
  }

  private static boolean isConsole() {
    Console console = System.console();
    return console != null && console.isTerminal();
  }

  private static int columns(String text) {
    return text.matches("[0-9]{2,4}")
        ? Math.max(COLUMNS_MIN, Integer.parseInt(text))
        : COLUMNS_DEFAULT;
  }

  void result(String text) {
    out.println(text);
    out.flush();
  }

  void error(String text) {
    err.println(text);
    err.flush();
  }
}
