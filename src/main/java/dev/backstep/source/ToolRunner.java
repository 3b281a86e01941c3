package dev.backstep.source;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Runs short commands such as {@code qemu-img}: argument lists without a shell, messages in
 * English, a time limit, bounded output. Stateless, thread-safe.
 */
public final class ToolRunner {

  /** More output than this is cut. */
  private static final int OUTPUT_BYTES_MAX = 8 << 20;

  /** What was printed by a command that ended at the last moment is read all the same. */
  private static final Duration READING_MIN = Duration.ofSeconds(2);

  /** How setsid(1) ends when there is no such command. */
  private static final int NOT_FOUND_STATUS = 127;

  private static final Map<String, String> DEBIAN_PACKAGE =
      Map.of(
          "setsid", "util-linux",
          "setpriv", "util-linux",
          "nbdkit", "nbdkit",
          "virsh", "libvirt-clients",
          "qemu-system-x86_64", "qemu-system-x86",
          "guestfish", "libguestfs-tools",
          "guestunmount", "libguestfs-tools");

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
    return run(limit, SourceException.Kind.FAILED, command);
  }

  /**
   * As {@link #run(Duration, List)}.
   *
   * @param late what kind of trouble it is when it takes too long
   */
  public static Result run(Duration limit, SourceException.Kind late, List<String> command)
      throws SourceException {
    ProcessBuilder builder = new ProcessBuilder(ownSession(command));
    builder.environment().put("LC_ALL", "C");
    try {
      Process process = builder.start();
      process.getOutputStream().close();
      CompletableFuture<String> output = reading(process.getInputStream());
      CompletableFuture<String> errors = reading(process.getErrorStream());
      long end = System.nanoTime() + limit.toNanos();
      if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
        List<ProcessHandle> started = process.descendants().toList();
        process.destroyForcibly();
        started.forEach(ProcessHandle::destroyForcibly);
        throw new SourceException(
            late, String.join(" ", command) + ": not done after " + limit.toSeconds() + " s");
      }
      Result result =
          new Result(
              process.exitValue(),
              printed(command, output, end),
              printed(command, errors, end).strip().replace('\n', ' '));
      if (result.status() == NOT_FOUND_STATUS && result.errors().startsWith("setsid:")) {
        throw notStarted(command, new IOException(result.errors()));
      }
      return result;
    } catch (SourceException e) {
      throw e; // it was started
    } catch (IOException e) {
      throw notStarted(command, e);
    } catch (InterruptedException e) {
      throw new SourceException(
          SourceException.Kind.FAILED, command.getFirst() + ": interrupted while it ran", e);
    }
  }

  /**
   * Out of reach of the terminal's Ctrl-C, which goes to every process of the foreground group: we
   * stop in an orderly way then, and a qemu-img that is killed while it writes leaves all bitmaps
   * of the file unusable. As the child leads no group, setsid(1) does not fork.
   */
  static List<String> ownSession(List<String> command) {
    List<String> all = new ArrayList<>(List.of("setsid"));
    all.addAll(command);
    return all;
  }

  static SourceException notStarted(List<String> command, IOException e) {
    return new SourceException(
        SourceException.Kind.FAILED,
        command.getFirst()
            + " cannot be started; install the Debian package "
            + DEBIAN_PACKAGE.getOrDefault(command.getFirst(), "qemu-utils")
            + " ("
            + e.getMessage()
            + ")",
        e);
  }

  /**
   * Makes sure that a command is there to be started.
   *
   * @throws SourceException naming the package that has it
   */
  public static void require(String tool) throws SourceException {
    String path = System.getenv().getOrDefault("PATH", "");
    for (String folder : (path + ":/usr/sbin:/sbin").split(":")) {
      if (!folder.isEmpty() && Files.isExecutable(Path.of(folder, tool))) {
        return;
      }
    }
    throw notStarted(List.of(tool), new IOException("there is no such command"));
  }

  /** What it has started may keep its output open and live on. */
  private static String printed(List<String> command, CompletableFuture<String> text, long end)
      throws SourceException, InterruptedException {
    try {
      long left = Math.max(READING_MIN.toNanos(), end - System.nanoTime());
      return text.get(left, TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new SourceException(
          SourceException.Kind.FAILED,
          String.join(" ", command)
              + ": it has ended, and something it started keeps its output open; let that write"
              + " elsewhere, as in: command >/dev/null 2>&1 &",
          e);
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    }
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
