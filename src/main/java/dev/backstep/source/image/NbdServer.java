package dev.backstep.source.image;

import dev.backstep.nbd.NbdConnection;
import dev.backstep.nbd.NbdException;
import dev.backstep.nbd.NbdUri;
import dev.backstep.source.ChildProcess;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/** A qemu-nbd of ours that exports one qcow2 file read-only. */
final class NbdServer implements AutoCloseable {

  /** Longest path of a unix socket (unix(7)), less the byte that ends it. */
  private static final int SOCKET_BYTES_MAX = 107;

  private static final Duration START_MAX = Duration.ofSeconds(30);
  private static final Duration STALL = NbdConnection.STALL_DEFAULT;
  private static final int CLIENTS_MAX = 32;
  private static final AtomicLong NUMBERS = new AtomicLong();

  private final ChildProcess process;
  private final Path socket;
  private final Path runFolder;

  private NbdServer(ChildProcess process, Path socket, Path runFolder) {
    this.process = process;
    this.socket = socket;
    this.runFolder = runFolder;
  }

  static NbdServer start(ImageFile file, List<String> bitmaps, Path runFolder)
      throws SourceException {
    Path socket = socket(runFolder);
    List<String> command =
        new ArrayList<>(
            List.of("qemu-nbd", "-r", "-t", "-e", String.valueOf(CLIENTS_MAX), "-f", "qcow2"));
    bitmaps.forEach(bitmap -> command.addAll(List.of("-B", bitmap)));
    command.addAll(List.of("-x", "disk", "-k", socket.toString(), QemuImage.plain(file.path())));
    NbdServer server =
        new NbdServer(ChildProcess.start(runFolder, socket, command), socket, runFolder);
    server.awaitAnswer(file);
    return server;
  }

  private static Path socket(Path runFolder) throws SourceException {
    String name = "nbd-" + ProcessHandle.current().pid() + "-" + NUMBERS.incrementAndGet();
    Path socket = runFolder.resolve(name);
    if (socket.toString().getBytes(StandardCharsets.UTF_8).length <= SOCKET_BYTES_MAX) {
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

  private void awaitAnswer(ImageFile file) throws SourceException {
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
              ? new SourceException(SourceException.Kind.FAILED, "qemu-nbd: " + e.getMessage(), e)
              : QemuImage.failure(file.path(), process.errors());
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
          SourceException.Kind.FAILED, "interrupted while qemu-nbd started", e);
    }
  }

  NbdUri uri() {
    return NbdUri.unix(socket, "disk");
  }

  NbdConnection connect(List<String> contexts) throws IOException {
    return NbdConnection.open(uri(), contexts, STALL);
  }

  @Override
  public void close() {
    process.close();
    Path folder = socket.getParent();
    if (folder != null && !folder.equals(runFolder)) {
      folder.toFile().delete(); // the one that was made for a path that is short enough
    }
  }
}
