package dev.backstep.cli;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;

/** The command line of a test: 80 columns, no terminal, and no server that could be started. */
final class TestProgram {

  private TestProgram() {}

  static CommandLineProgram of(
      Engine.Starter starter,
      ByteArrayOutputStream out,
      ByteArrayOutputStream err,
      Stopping stopping,
      Clock clock) {
    return new CommandLineProgram(
        new Terminal(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            false,
            80),
        starter,
        (settings, stopped, tell) -> {
          throw new IllegalStateException("no server here");
        },
        stopping,
        clock);
  }
}
