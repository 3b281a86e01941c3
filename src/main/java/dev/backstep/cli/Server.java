package dev.backstep.cli;

import java.nio.file.Path;
import java.util.OptionalInt;

/** The program as a service: REST, schedules and jobs in this process. */
public interface Server extends AutoCloseable {

  /** Starts one; it serves when this returns. */
  @FunctionalInterface
  interface Starter {
    Server start(Settings settings);
  }

  /**
   * What the command line says; the rest is in {@code <home>/backstep.yaml}.
   *
   * @param home the folder of this installation's state; made when absent
   * @param jobs the folder of the job definitions
   * @param bind the address to listen on
   * @param port 0 for any that is free; empty for the configured one, else the default
   */
  record Settings(Path home, Path jobs, String bind, OptionalInt port, boolean verbose) {}

  /** Where it answers, such as {@code http://127.0.0.1:8082}. */
  String url();

  /** Stops what runs at its next chunk, waits for it, then lets the database go. */
  @Override
  void close();
}
