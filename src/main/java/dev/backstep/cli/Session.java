package dev.backstep.cli;

import java.nio.file.Path;
import java.time.Clock;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** What one invocation of the command line has: its terminal and, once needed, its engine. */
final class Session implements AutoCloseable {

  private final CommandOptions options = new CommandOptions();
  private final Terminal terminal;
  private final Engine.Starter starter;
  private final Server.Starter serverStarter;
  private final Stopping stopping;
  private final Clock clock;
  private @Nullable Engine engine;
  private @Nullable CommandRecord record;

  Session(
      Terminal terminal,
      Engine.Starter starter,
      Server.Starter serverStarter,
      Stopping stopping,
      Clock clock) {
    this.terminal = terminal;
    this.starter = starter;
    this.serverStarter = serverStarter;
    this.stopping = stopping;
    this.clock = clock;
  }

  /** Filled while the command line is parsed. */
  CommandOptions options() {
    return options;
  }

  Terminal terminal() {
    return terminal;
  }

  Stopping stopping() {
    return stopping;
  }

  Clock clock() {
    return clock;
  }

  /** An engine for questions; changes nothing. */
  Engine catalog() {
    return engine(false);
  }

  /** An engine that also runs jobs. The command is on record from here on. */
  Engine jobs() {
    Engine jobs = engine(true);
    record().begin(jobs);
    return jobs;
  }

  /** Of the command that runs. */
  CommandRecord record() {
    return Objects.requireNonNull(record, "no command runs");
  }

  void begin(CommandRecord command) {
    record = command;
  }

  /** Of the command, when there was one. */
  void end(int exitCode) {
    if (record != null) {
      record.end(exitCode);
    }
  }

  /** A server, which the caller closes; empty when the operator has stopped it before it served. */
  Optional<Server> serve(Optional<String> bind, OptionalInt port) {
    return serverStarter.start(
        new Server.Settings(options.home(), options.jobs(), bind, port, options.verbose()),
        stopping::isRequested,
        line -> terminal.error("backstep: " + line));
  }

  private Engine engine(boolean runsJobs) {
    Engine started = engine;
    if (started == null) {
      Path home = options.home();
      Optional<Engine> served = RemoteEngine.find(home, System.getenv());
      started = served.orElseGet(() -> starter.start(home, runsJobs, options.verbose()));
      engine = started;
    }
    return started;
  }

  /** Lets the engine go: long work that does not need it must not keep others from the database. */
  void release() {
    if (engine != null) {
      engine.close();
      engine = null;
    }
  }

  @Override
  public void close() {
    release();
  }
}
