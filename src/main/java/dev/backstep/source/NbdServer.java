package dev.backstep.source;

import dev.backstep.blockio.DiskInUseException;
import dev.backstep.blockio.DiskLock;
import dev.backstep.nbd.NbdConnection;
import dev.backstep.nbd.NbdException;
import dev.backstep.nbd.NbdUri;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;

/**
 * An NBD server of ours, such as a qemu-nbd, that exports one disk for as long as it is open.
 * Thread-safe.
 */
public final class NbdServer implements AutoCloseable {

  /** Longest path of a unix socket (unix(7)), less the byte that ends it. */
  private static final int SOCKET_BYTES_MAX = 107;

  private static final Duration START_MAX = Duration.ofSeconds(30);
  private static final Duration STALL = NbdConnection.STALL_DEFAULT;
  private static final int CLIENTS_MAX = 32;
  private static final AtomicLong NUMBERS = new AtomicLong();

  private final ChildProcess process;
  private final Path socket;
  private final String export;
  private final Path runFolder;
  private final Optional<DiskLock> lock;

  private NbdServer(
      ChildProcess process, Path socket, String export, Path runFolder, Optional<DiskLock> lock) {
    this.process = process;
    this.socket = socket;
    this.export = export;
    this.runFolder = runFolder;
    this.lock = lock;
  }

  /**
   * How a server is started that is no qemu-nbd.
   *
   * @param program its name in messages
   * @param export the name of what it exports; empty for the default
   * @param command what to run, for a socket
   * @param input what it reads from its standard input, such as a password
   * @param complaint what its errors mean
   */
  public record Recipe(
      String program,
      String export,
      Function<Path, List<String>> command,
      byte[] input,
      Function<String, SourceException> complaint) {}

  /**
   * Starts one by a recipe and waits until it answers. The caller closes it.
   *
   * @param runFolder where its socket and record are kept; exists
   */
  public static NbdServer start(Recipe recipe, Path runFolder) throws SourceException {
    return start(recipe, runFolder, newSocket(runFolder), Optional.empty());
  }

  /**
   * As {@link #start(Recipe, Path)}, behind a socket that is named the same each time.
   *
   * @throws SourceException as {@link #requireUnserved}
   */
  public static NbdServer start(Recipe recipe, Path runFolder, String name) throws SourceException {
    DiskLock lock = lock(runFolder, name);
    try {
      requireUnserved(runFolder, name);
      Path socket = runFolder.resolve(name);
      socket.toFile().delete();
      return start(recipe, runFolder, socket, Optional.of(lock));
    } catch (SourceException | RuntimeException e) {
      lock.close();
      throw e;
    }
  }

  /** Of two that start at once the second would take the first one's socket away. */
  private static DiskLock lock(Path runFolder, String name) throws SourceException {
    try {
      return DiskLock.ofNew(runFolder.resolve("." + name + ".lock"));
    } catch (DiskInUseException e) {
      throw new SourceException(SourceException.Kind.LOCKED, served(runFolder.resolve(name)), e);
    } catch (IOException e) {
      throw new SourceException(SourceException.Kind.FAILED, String.valueOf(e.getMessage()), e);
    }
  }

  private static String served(Path socket) {
    return socket + ": another command serves this disk already";
  }

  /**
   * Looks whether a server can be started behind a socket of this name.
   *
   * @throws SourceException {@code LOCKED} when there is one; {@code FAILED} when its path is too
   *     long for a socket: elsewhere nobody would find it a second time
   */
  public static void requireUnserved(Path runFolder, String name) throws SourceException {
    Path socket = runFolder.resolve(name);
    if (!fits(socket)) {
      throw new SourceException(
          SourceException.Kind.FAILED,
          socket
              + ": the home folder's path is too long for a socket in it, which has at most "
              + SOCKET_BYTES_MAX
              + " bytes; name the folder through a symbolic link with a shorter path");
    }
    if (isServed(NbdUri.unix(socket, ""))) {
      throw new SourceException(SourceException.Kind.LOCKED, served(socket));
    }
  }

  private static boolean fits(Path socket) {
    return socket.toString().getBytes(StandardCharsets.UTF_8).length <= SOCKET_BYTES_MAX;
  }

  /** Whatever answers is a server, also one that does not have this export. */
  private static boolean isServed(NbdUri uri) {
    try {
      NbdConnection.open(uri, List.of(), STALL).close();
      return true;
    } catch (IOException e) {
      return !(e instanceof NbdException nbd) || nbd.kind() != NbdException.Kind.UNREACHABLE;
    }
  }

  private static NbdServer start(
      Recipe recipe, Path runFolder, Path socket, Optional<DiskLock> lock) throws SourceException {
    ChildProcess process =
        ChildProcess.start(runFolder, socket, recipe.command().apply(socket), recipe.input());
    NbdServer server = new NbdServer(process, socket, recipe.export(), runFolder, lock);
    server.awaitAnswer(recipe.program(), recipe.complaint());
    return server;
  }

  /**
   * Starts one and waits until it answers. The caller closes it.
   *
   * @param options of {@code qemu-nbd} beside format, name, socket and clients
   * @param runFolder where its socket and record are kept; exists
   * @throws SourceException {@code LOCKED} when another program uses the file
   */
  public static NbdServer start(Path image, List<String> options, Path runFolder)
      throws SourceException {
    Path socket = newSocket(runFolder);
    List<String> command =
        new ArrayList<>(List.of("qemu-nbd", "-t", "-e", String.valueOf(CLIENTS_MAX)));
    command.addAll(options);
    // Absolute, so that no colon in it can be taken for a protocol's name.
    String file = image.toAbsolutePath().toString();
    command.addAll(List.of("-f", "qcow2", "-x", "disk", "-k", socket.toString(), file));
    NbdServer server =
        new NbdServer(
            ChildProcess.start(runFolder, socket, command),
            socket,
            "disk",
            runFolder,
            Optional.empty());
    server.awaitAnswer("qemu-nbd", errors -> QemuComplaint.about(image, errors));
    return server;
  }

  private static Path newSocket(Path runFolder) throws SourceException {
    String name = "nbd-" + ProcessHandle.current().pid() + "-" + NUMBERS.incrementAndGet();
    Path socket = runFolder.resolve(name);
    if (fits(socket)) {
      return socket;
    }
    try {
      return Files.createTempDirectory("backstep-").resolve(name);
    } catch (IOException e) {
      throw new SourceException(
          SourceException.Kind.FAILED,
          socket + ": too long for a unix socket, and no temporary folder can be made: " + e,
          e);
    }
  }

  private void awaitAnswer(String program, Function<String, SourceException> complaint)
      throws SourceException {
    long deadline = System.nanoTime() + START_MAX.toNanos();
    while (true) {
      try {
        connect(List.of()).close();
        return;
      } catch (IOException e) {
        boolean starting =
            e instanceof NbdException nbd && nbd.kind() == NbdException.Kind.UNREACHABLE;
        if (!process.isAlive() || !starting || System.nanoTime() > deadline) {
          close();
          throw process.errors().isEmpty()
              ? new SourceException(SourceException.Kind.FAILED, program + ": " + e.getMessage(), e)
              : complaint.apply(process.errors());
        }
        pause();
      }
    }
  }

  private void pause() throws SourceException {
    try {
      Thread.sleep(5);
    } catch (InterruptedException e) {
      close();
      throw new SourceException(
          SourceException.Kind.FAILED, "interrupted while an NBD server started", e);
    }
  }

  /** What it complained about so far, one line. */
  public String errors() {
    return process.errors();
  }

  /** Where it serves the image. */
  public NbdUri uri() {
    return NbdUri.unix(socket, export);
  }

  /** A connection to the image; the caller closes it. */
  public NbdConnection connect(List<String> contexts) throws IOException {
    return NbdConnection.open(uri(), contexts, STALL);
  }

  public boolean isAlive() {
    return process.isAlive();
  }

  /**
   * Ends it in an orderly way: what its clients wrote is in the file then, though not yet forced.
   *
   * @return whether it was orderly; else what was written and not flushed may be lost
   */
  public boolean end(Duration limit) {
    boolean orderly = process.end(limit) == 0;
    letGo();
    return orderly;
  }

  @Override
  public void close() {
    process.close();
    letGo();
  }

  private void letGo() {
    lock.ifPresent(DiskLock::close);
    Path folder = socket.getParent();
    if (folder != null && !folder.equals(runFolder)) {
      folder.toFile().delete(); // the one that was made for a path that is short enough
    }
  }
}
