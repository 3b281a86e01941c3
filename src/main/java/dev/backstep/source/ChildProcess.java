package dev.backstep.source;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A program that serves this process and must not outlive it, such as {@code qemu-nbd}. The kernel
 * kills it when we die ({@code PR_SET_PDEATHSIG}); as that signal belongs to the thread that
 * forked, one thread that lives as long as the program forks them all. Beside that a record in the
 * run folder lets a later start find and end what was left all the same. Thread-safe.
 */
public final class ChildProcess implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(ChildProcess.class);

  private static final Duration END_MAX = Duration.ofSeconds(5);
  private static final String SUFFIX = ".child";

  /** Child, owner, socket, and this: what a crash has not cut. */
  private static final int RECORD_LINES = 4;

  private static final String RECORD_END = "end";

  private static final ExecutorService FORKER =
      Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().name("forker").factory());

  private final Process process;
  private final Path record;
  private final Path socket;
  private final StringBuilder errors = new StringBuilder();
  private final CompletableFuture<Void> collected = new CompletableFuture<>();
  private final CompletableFuture<Void> passedOn = new CompletableFuture<>();

  private ChildProcess(Process process, Path record, Path socket) {
    this.process = process;
    this.record = record;
    this.socket = socket;
  }

  /**
   * Starts a program.
   *
   * @param runFolder where its record is kept
   * @param socket the socket it will make; removed at its end
   */
  public static ChildProcess start(Path runFolder, Path socket, List<String> command)
      throws SourceException {
    return start(runFolder, socket, command, new byte[0]);
  }

  /**
   * Starts a program that reads something from its standard input first, such as a password.
   *
   * @param input what it can read there before the end; so little that a pipe holds it
   */
  public static ChildProcess start(Path runFolder, Path socket, List<String> command, byte[] input)
      throws SourceException {
    ChildProcess child = start(runFolder, socket, command, Optional.empty());
    child.tell(input);
    return child;
  }

  /**
   * Starts a program whose output is wanted.
   *
   * @param runFolder where its record is kept
   * @param socket the socket it will make, or a folder that is its own; removed at its end
   * @param output is told what it prints, piece by piece, by a thread of its own
   */
  public static ChildProcess start(
      Path runFolder, Path socket, List<String> command, Consumer<String> output)
      throws SourceException {
    return start(runFolder, socket, command, Optional.of(output));
  }

  private static ChildProcess start(
      Path runFolder, Path socket, List<String> command, Optional<Consumer<String>> output)
      throws SourceException {
    List<String> all = new ArrayList<>(List.of("setpriv", "--pdeathsig", "KILL", "--"));
    all.addAll(command);
    ProcessBuilder builder = new ProcessBuilder(ToolRunner.ownSession(all));
    builder.environment().put("LC_ALL", "C");
    if (output.isEmpty()) {
      builder.redirectOutput(ProcessBuilder.Redirect.DISCARD);
    }
    try {
      Process process = CompletableFuture.supplyAsync(() -> fork(builder), FORKER).join();
      Path record = runFolder.resolve(process.pid() + SUFFIX);
      ChildProcess child = new ChildProcess(process, record, socket);
      Thread.ofPlatform().daemon().name("child-errors").start(child::collectErrors);
      output.ifPresent(sink ->
          Thread.ofPlatform().daemon().name("child-output").start(() -> child.passOn(sink)));
      child.writeRecord();
      return child;
    } catch (CompletionException e) {
      throw ToolRunner.notStarted(all, new IOException(e.getCause()));
    }
  }

  /** A child that has ended already has nobody who reads; who waits for its socket will say why. */
  private void tell(byte[] input) {
    try (OutputStream stream = process.getOutputStream()) {
      stream.write(input);
    } catch (IOException e) {
      log.debug("{}: took no input: {}", process.pid(), e.getMessage());
    }
  }

  private static Process fork(ProcessBuilder builder) {
    try {
      return builder.start();
    } catch (IOException e) {
      throw new CompletionException(e);
    }
  }

  private void writeRecord() throws SourceException {
    Optional<ProcessRecord> child = ProcessRecord.of(process.pid());
    Optional<ProcessRecord> owner = ProcessRecord.of(ProcessHandle.current().pid());
    if (child.isEmpty() || owner.isEmpty()) {
      return; // it has ended already; whoever waits for its socket will say why
    }
    try {
      Files.writeString(
          record, String.join("\n", child.get() + "", owner.get() + "", socket + "", RECORD_END));
    } catch (IOException e) {
      close();
      throw new SourceException(
          SourceException.Kind.FAILED, record + ": cannot be written: " + e, e);
    }
  }

  private void collectErrors() {
    try (InputStream stream = process.getErrorStream()) {
      byte[] buffer = new byte[4096];
      int count = stream.read(buffer);
      while (count >= 0) {
        synchronized (errors) {
          if (errors.length() < 10_000) {
            errors.append(new String(buffer, 0, count, StandardCharsets.UTF_8));
          }
        }
        count = stream.read(buffer);
      }
    } catch (IOException e) {
      synchronized (errors) {
        errors.append(e.getMessage());
      }
    } finally {
      collected.complete(null);
    }
  }

  /** Bytes become characters one by one: what a machine prints need not be of any encoding. */
  private void passOn(Consumer<String> sink) {
    try (InputStream stream = process.getInputStream()) {
      byte[] buffer = new byte[8192];
      int count = stream.read(buffer);
      while (count >= 0) {
        sink.accept(new String(buffer, 0, count, StandardCharsets.ISO_8859_1));
        count = stream.read(buffer);
      }
    } catch (IOException e) {
      log.debug("the output of {} ended: {}", process.pid(), e.getMessage());
    } finally {
      passedOn.complete(null);
    }
  }

  /** What it reads as its input; closing it tells it that no more is to come. */
  public OutputStream input() {
    return process.getOutputStream();
  }

  public boolean isAlive() {
    return process.isAlive();
  }

  /**
   * The status that it ended with, when all that it printed was passed on.
   *
   * @throws IllegalThreadStateException while it runs
   */
  public int status() {
    passedOn.completeOnTimeout(null, END_MAX.toMillis(), MILLISECONDS).join();
    return process.exitValue();
  }

  /** What it complained about so far, one line; all of it once it has ended. */
  public String errors() {
    if (!process.isAlive()) {
      collected.completeOnTimeout(null, END_MAX.toMillis(), MILLISECONDS).join();
    }
    synchronized (errors) {
      return errors.toString().strip().replace('\n', ' ');
    }
  }

  /** Ends it: asks, waits, kills. Its socket and record are gone when this returns. */
  @Override
  public void close() {
    ask();
    try {
      if (!process.waitFor(END_MAX)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
    }
    remove(record);
    remove(socket);
  }

  /** {@link Process#destroy} would close what it printed as well, read or not. */
  private void ask() {
    process.toHandle().destroy();
    try {
      process.getOutputStream().close();
    } catch (IOException e) {
      log.debug("{}: took no input any more: {}", process.pid(), e.getMessage());
    }
  }

  /**
   * Ends it and what it has started without asking. Its socket and record are gone when this
   * returns.
   */
  public void kill() {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
    process.onExit().join();
    remove(record);
    remove(socket);
  }

  /**
   * Asks it to end and waits; one that takes longer is killed. Its socket and record are gone when
   * this returns.
   *
   * @return the status that it ended with, 128 and the signal's number where a signal ended it
   */
  public int end(Duration limit) {
    ask();
    try {
      if (!process.waitFor(limit)) {
        process.destroyForcibly();
      }
      return process.waitFor();
    } catch (InterruptedException e) {
      process.destroyForcibly();
      return process.onExit().join().exitValue();
    } finally {
      remove(record);
      remove(socket);
    }
  }

  /**
   * Ends what processes that died have left: only what is the very process that its record names,
   * and only when the very process that started it is gone.
   */
  public static void endLeftovers(Path runFolder) throws IOException {
    if (!Files.isDirectory(runFolder)) {
      return;
    }
    List<Path> records;
    try (Stream<Path> files = Files.list(runFolder)) {
      records = files.filter(file -> file.toString().endsWith(SUFFIX)).toList();
    }
    for (Path file : records) {
      try {
        endLeftover(file);
      } catch (IllegalArgumentException e) {
        log.warn("{}: torn when the host crashed, removed: {}", file, e.getMessage());
        Files.deleteIfExists(file);
      }
    }
  }

  /**
   * @throws IllegalArgumentException when the record is no record
   */
  private static void endLeftover(Path file) throws IOException {
    List<String> lines = Files.readAllLines(file);
    if (lines.size() != RECORD_LINES || !lines.getLast().equals(RECORD_END)) {
      throw new IllegalArgumentException("a record of " + lines.size() + " lines");
    }
    ProcessRecord child = ProcessRecord.parse(lines.get(0));
    ProcessRecord owner = ProcessRecord.parse(lines.get(1));
    if (owner.isAlive()) {
      return;
    }
    if (child.isAlive()) {
      kill(child);
    }
    remove(Path.of(lines.get(2)));
    Files.deleteIfExists(file);
  }

  /** Kills and waits: until it is gone it holds the lock of its disk. */
  private static void kill(ProcessRecord child) {
    ProcessHandle.of(child.pid())
        .filter(ProcessHandle::destroyForcibly)
        .ifPresent(process ->
            process.onExit().completeOnTimeout(process, END_MAX.toMillis(), MILLISECONDS).join());
  }

  /** A folder of its own has sockets and the like in it, and no folders. */
  private static void remove(Path file) {
    File[] inside = file.toFile().listFiles();
    if (inside != null) {
      for (File one : inside) {
        one.delete();
      }
    }
    file.toFile().delete();
  }
}
