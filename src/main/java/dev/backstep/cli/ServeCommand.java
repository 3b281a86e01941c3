package dev.backstep.cli;

import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Effect(Effect.Kind.FILES)
@Command(
    name = "serve",
    description = {
      "Runs schedules and answers the REST API until it is stopped (Ctrl-C or SIGTERM).",
      "Running backups stop at their next chunk then, and go on at the next start."
    },
    exitCodeList = {ExitCode.DONE, ExitCode.FAILED, ExitCode.USAGE, ExitCode.BUSY})
final class ServeCommand implements Callable<Integer> {

  private final Session session;

  @Option(
      names = "--bind",
      paramLabel = "ADDRESS",
      description = "Address to listen on; none but loopback without TLS. Default: 127.0.0.1.")
  private @Nullable String bind;

  @Option(
      names = "--port",
      paramLabel = "PORT",
      description = "Port to listen on; 0 takes any. Default: 8082.")
  private @Nullable Integer port;

  ServeCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws InterruptedException {
    CountDownLatch stop = new CountDownLatch(1);
    session.stopping().onRequest(stop::countDown);
    OptionalInt wanted = port == null ? OptionalInt.empty() : OptionalInt.of(port);
    Optional<Server> started = session.serve(Optional.ofNullable(bind), wanted);
    if (started.isPresent()) {
      try (Server server = started.get()) {
        session.terminal().error("backstep: serving " + server.url());
        stop.await();
      }
    }
    return 0;
  }
}
