package dev.backstep.source;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Runs short commands such as {@code qemu-img}: argument lists without a shell, messages in
 * English, a time limit, bounded output. Stateless, thread-safe.
 */
public final class ToolRunner {

  /** More output than this is cut. */
  private static final int OUTPUT_BYTES_MAX = 8 << 20;

  private ToolRunner() {}

  /**
   * How a command ended.
   *
   * @param output what it printed
   * @param errors what it complained about, one line
   */
  public record Result(int status, String output, String errors) {
    public boolean failed() {
      return status != 0;
    }
  }

  /**
   * Runs a command to its end.
   *
   * @throws SourceException when it cannot be started or takes too long
   */
  public static Result run(Duration limit, List<String> command) throws SourceException {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("LC_ALL", "C");
    try {
      Process process = builder.start();
      process.getOutputStream().close();
      CompletableFuture<String> output = reading(process.getInputStream());
      CompletableFuture<String> errors = reading(process.getErrorStream());
      if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
        throw new SourceException(
            SourceException.Kind.FAILED,
            String.join(" ", command) + ": not done after " + limit.toSeconds() + " s");
      }
      return new Result(
          process.exitValue(), output.join(), errors.join().strip().replace('\n', ' '));
    } catch (IOException e) {
      throw notStarted(command, e);
    } catch (InterruptedException e) {
      throw new SourceException(
          SourceException.Kind.FAILED, command.getFirst() + ": interrupted while it ran", e);
    }
  }

  static SourceException notStarted(List<String> command, IOException e) {
    return new SourceException(
        SourceException.Kind.FAILED,
        command.getFirst()
            + " cannot be started; install the Debian package "
            + (command.getFirst().equals("setpriv") ? "util-linux" : "qemu-utils")
            + " ("
            + e.getMessage()
            + ")",
        e);
  }

  /** Reads beside the caller, so that a command that hangs can be given up. */
  private static CompletableFuture<String> reading(InputStream stream) {
    CompletableFuture<String> text = new CompletableFuture<>();
    Thread.ofPlatform().daemon().start(() -> text.complete(text(stream)));
    return text;
  }

  private static String text(InputStream stream) {
    try (stream) {
      String text = new String(stream.readNBytes(OUTPUT_BYTES_MAX), StandardCharsets.UTF_8);
      stream.skip(Long.MAX_VALUE);
      return text;
    } catch (IOException e) {
      return "its output cannot be read: " + e.getMessage();
    }
  }
}
