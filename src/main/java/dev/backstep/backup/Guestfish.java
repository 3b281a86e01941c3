package dev.backstep.backup;

import dev.backstep.source.Acceleration;
import dev.backstep.source.ChildProcess;
import dev.backstep.source.SourceException;
import dev.backstep.source.ToolRunner;
import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * A session of guestfish(1): libguestfs reads file systems in a small machine of its own, so that
 * no kernel here has to trust what is on a disk of somebody else. A command that fails ends the
 * session. For one thread.
 */
final class Guestfish implements Closeable {

  private static final String TOOL = "guestfish";

  /** The first launch on a machine builds libguestfs's own small system; emulated it is slow. */
  private static final Duration LAUNCH_MAX = Duration.ofMinutes(10);

  /** For a question; copying takes what it takes. */
  private static final Duration ANSWER_MAX = Duration.ofMinutes(5);

  private static final Duration END_MAX = Duration.ofSeconds(10);
  private static final long PAUSE_MILLIS = 5;

  private final ChildProcess process;
  private final StringBuilder output = new StringBuilder();
  private int asked;

  private Guestfish(Path folder, List<String> command) throws SourceException {
    this.process = ChildProcess.start(folder, folder, command, this::append);
  }

  /**
   * Starts one and waits until it can be asked.
   *
   * @param folder a folder of its own, removed at the end
   * @param uris of the disks, in the order in which they become {@code /dev/sda}, {@code /dev/sdb}
   * @throws SourceException when it is not installed or cannot start its machine
   */
  static Guestfish start(Path folder, List<String> uris) throws IOException {
    ToolRunner.require(TOOL);
    List<String> command = new ArrayList<>(List.of("env"));
    if (!System.getenv().containsKey("LIBGUESTFS_BACKEND")) {
      command.add("LIBGUESTFS_BACKEND=direct");
    }
    if (!System.getenv().containsKey("LIBGUESTFS_BACKEND_SETTINGS") && !Acceleration.kvm()) {
      command.add("LIBGUESTFS_BACKEND_SETTINGS=force_tcg");
    }
    command.addAll(List.of(TOOL, "--ro"));
    for (String uri : uris) {
      command.addAll(List.of("--format=raw", "-a", uri));
    }
    Guestfish session = new Guestfish(folder, command);
    try {
      session.ask("run", LAUNCH_MAX);
      return session;
    } catch (IOException | RuntimeException e) {
      session.close();
      throw e;
    }
  }

  private void append(String more) {
    synchronized (output) {
      output.append(more);
    }
  }

  /** A word of a command, whatever bytes it is made of. */
  static String quoted(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (byte one : text.getBytes(StandardCharsets.UTF_8)) {
      boolean plain =
          one >= '0' && one <= '9'
              || one >= 'a' && one <= 'z'
              || one >= 'A' && one <= 'Z'
              || one == '/'
              || one == '.'
              || one == '-'
              || one == '_';
      quoted.append(
          plain ? String.valueOf((char) one) : String.format(Locale.ROOT, "\\x%02x", one));
    }
    return quoted.append('"').toString();
  }

  /**
   * Has a command done.
   *
   * @return the lines that it printed
   * @throws SourceException when it fails
   */
  List<String> ask(String command) throws IOException {
    return ask(command, ANSWER_MAX);
  }

  List<String> ask(String command, Duration limit) throws IOException {
    String end = begin(command);
    return List.of(answer(command, end, limit).split("\n")).stream()
        .filter(line -> !line.isEmpty())
        .toList();
  }

  /**
   * Has a command begun that goes on until something else ends it.
   *
   * @return what is printed when it has
   */
  String begin(String command) throws IOException {
    asked++;
    String end = "backstep-end-" + asked + "\n";
    try {
      process.input().write((command + "\necho " + end).getBytes(StandardCharsets.US_ASCII));
      process.input().flush();
    } catch (IOException e) {
      throw new SourceException(SourceException.Kind.FAILED, failure(command), e);
    }
    return end;
  }

  /** Bytes came as characters one by one; names are UTF-8. */
  private String answer(String command, String end, Duration limit) throws IOException {
    long deadline = System.nanoTime() + limit.toNanos();
    while (true) {
      boolean alive = process.isAlive();
      synchronized (output) {
        int at = output.indexOf(end);
        if (at >= 0) {
          String text = output.substring(0, at);
          output.delete(0, at + end.length());
          return new String(text.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
        }
      }
      if (!alive) {
        throw new SourceException(SourceException.Kind.FAILED, failure(command));
      }
      if (System.nanoTime() > deadline) {
        throw new SourceException(
            SourceException.Kind.FAILED,
            TOOL + ": " + word(command) + ": no answer after " + limit.toSeconds() + " s");
      }
      rest();
    }
  }

  private static void rest() throws IOException {
    try {
      TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
    } catch (InterruptedException e) {
      throw new IOException("interrupted while " + TOOL + " worked", e);
    }
  }

  private String failure(String command) {
    String errors = process.errors();
    return TOOL
        + ": "
        + word(command)
        + " failed: "
        + (errors.isEmpty() ? "it ended without a word" : errors);
  }

  private static String word(String command) {
    return command.contains(" ") ? command.substring(0, command.indexOf(' ')) : command;
  }

  @Override
  public void close() {
    try {
      process.input().close();
    } catch (IOException e) {
      // It has ended before.
    }
    long deadline = System.nanoTime() + END_MAX.toNanos();
    while (process.isAlive() && System.nanoTime() < deadline) {
      try {
        rest();
      } catch (IOException e) {
        break;
      }
    }
    process.close();
  }
}
