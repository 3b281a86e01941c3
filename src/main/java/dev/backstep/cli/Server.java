package dev.backstep.cli;

import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** The program as a service: REST, schedules and jobs in this process. */
public interface Server extends AutoCloseable {

  /** Starts one. */
  @FunctionalInterface
  interface Starter {
    /**
     * @param stopped whether it shall start no more; while its database is away it waits
     * @param tell takes what it waits for, a line each
     * @return one that serves; empty when it was to start no more
     */
    Optional<Server> start(Settings settings, BooleanSupplier stopped, Consumer<String> tell);
  }

  /**
   * What the command line says; the rest is in {@code <home>/backstep.yaml}.
   *
   * @param home the folder of this installation's state; made when absent
   * @param jobs the folder of the job definitions
   * @param bind the address to listen on; empty for the configured one, else loopback
   * @param port 0 for any that is free; empty for the configured one, else the default
   */
  record Settings(Path home, Path jobs, Optional<String> bind, OptionalInt port, boolean verbose) {}

  /** Where it answers, such as {@code http://127.0.0.1:8082}. */
  String url();

  /** Stops what runs at its next chunk, waits for it, then lets the database go. */
  @Override
  void close();
}
