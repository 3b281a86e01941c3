package dev.backstep;

import dev.backstep.cli.CommandLineProgram;
import dev.backstep.cli.Stopping;
import dev.backstep.cli.Terminal;
import java.time.Clock;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Entry point: parses the command line first, starts Spring only for commands that need it. */
public final class Backstep {

  /** Longer than a backup takes to stop at a chunk, shorter than an operator's patience. */
  private static final long STOP_SECONDS_MAX = 90;

  private static final int STOPPED = 130;

  private Backstep() {}

  /** Never returns: the process ends with the command's exit code. */
  public static void main(String[] args) {
    Stopping stopping = new Stopping();
    CompletableFuture<Integer> ended = new CompletableFuture<>();
    // Ctrl-C and SIGTERM begin a shutdown, which would cut the command short where it is.
    Runtime.getRuntime()
        .addShutdownHook(Thread.ofPlatform().unstarted(() -> stop(stopping, ended)));
    int code = 1;
    try {
      code =
          new CommandLineProgram(
                  Terminal.system(),
                  SpringEngine::start,
                  SpringServer::start,
                  stopping,
                  Clock.systemDefaultZone())
              .run(args);
    } finally {
      ended.complete(code);
      System.exit(code);
    }
  }

  /** Lets the command end by itself, then ends the process with the command's code. */
  private static void stop(Stopping stopping, CompletableFuture<Integer> ended) {
    if (ended.isDone()) {
      return;
    }
    int code = STOPPED;
    try {
      stopping.request();
      code = ended.get(STOP_SECONDS_MAX, TimeUnit.SECONDS);
    } catch (InterruptedException | ExecutionException | TimeoutException e) {
      // Whatever still runs is left as after a crash, from which relaunch continues.
      code = STOPPED;
    } finally {
      Runtime.getRuntime().halt(code);
    }
  }
}
