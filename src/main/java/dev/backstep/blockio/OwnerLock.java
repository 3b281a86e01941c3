package dev.backstep.blockio;

import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Optional;

/**
 * A lock that all processes of one owner share and no other owner gets meanwhile. It is the
 * kernel's (open file description locks, fcntl(2)), so it ends with the process, however that ends;
 * file systems of several hosts that know locks keep it for all of them. Not thread-safe.
 *
 * <pre>
 * byte 0: read-locked by each process of the owner, write-locked for a moment by who becomes owner
 * byte 1: write-locked while somebody looks who the owner is
 * text:   the owner's name, a line; who that was, a line
 * </pre>
 */
public final class OwnerLock implements Closeable {

  private static final int F_OFD_SETLK = 37;
  private static final short F_RDLCK = 0;
  private static final short F_WRLCK = 1;
  private static final short F_UNLCK = 2;

  private static final long HELD = 0;
  private static final long LOOKING = 1;

  /** Looking takes no time; somebody may have been stopped while doing so. */
  private static final Duration LOOK_LIMIT = Duration.ofSeconds(10);

  private static final Duration LOOK_PAUSE = Duration.ofMillis(20);
  private static final int TEXT_BYTES_MAX = 4096;

  private final Path file;
  private final int fd;
  private boolean closed;

  private OwnerLock(Path file, int fd) {
    this.file = file;
    this.fd = fd;
  }

  /**
   * Takes the lock, becoming its owner where no process of another one has it.
   *
   * @param file made where it is not there
   * @param owner one line without line breaks
   * @param who one line, for people
   * @return the lock; empty when another owner has it: {@link #holder} says who
   * @throws IOException when the file cannot be written or locked
   */
  public static Optional<OwnerLock> take(Path file, String owner, String who) throws IOException {
    if (!Files.exists(file)) {
      FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE).close();
    }
    OwnerLock lock = new OwnerLock(file, Kernel.openForReadingAndWriting(file));
    try {
      lock.look();
      if (lock.own(owner, who)) {
        lock.set(F_UNLCK, LOOKING);
        return Optional.of(lock);
      }
      lock.close();
      return Optional.empty();
    } catch (IOException | RuntimeException e) {
      lock.close();
      throw e;
    }
  }

  /** Who has, or last had, the lock; for people. */
  public static String holder(Path file) throws IOException {
    return text(file).lines().skip(1).findFirst().orElse("another one");
  }

  private void look() throws IOException {
    long end = System.nanoTime() + LOOK_LIMIT.toNanos();
    while (!set(F_WRLCK, LOOKING)) {
      if (System.nanoTime() > end) {
        throw new IOException(
            file + ": somebody looks at it for more than " + LOOK_LIMIT + "; try again");
      }
      try {
        Thread.sleep(LOOK_PAUSE);
      } catch (InterruptedException e) {
        throw new IOException(file + ": interrupted while waiting for its lock", e);
      }
    }
  }

  /** While somebody has byte 0 the text names its owner: it changes under the write lock only. */
  private boolean own(String owner, String who) throws IOException {
    if (text(file).lines().findFirst().equals(Optional.of(owner))) {
      return set(F_RDLCK, HELD);
    }
    if (!set(F_WRLCK, HELD)) {
      return false;
    }
    write(owner + "\n" + who + "\n");
    return set(F_RDLCK, HELD);
  }

  private static String text(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      ByteBuffer bytes = ByteBuffer.allocate(TEXT_BYTES_MAX);
      while (bytes.hasRemaining() && channel.read(bytes, bytes.position()) > 0) {
        // until it is full or the file ends
      }
      return StandardCharsets.UTF_8.decode(bytes.flip()).toString();
    }
  }

  /** In place: a file that is moved here would be one that nobody has locked. */
  private void write(String text) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
      ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      channel.force(true);
    }
  }

  private boolean set(short type, long at) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment asked = DiskLock.flock(arena, type, at);
      Kernel.Result result = Kernel.fcntl(fd, F_OFD_SETLK, asked);
      if (!result.failed()) {
        return true;
      }
      if (result.errno() == Kernel.EAGAIN || result.errno() == Kernel.EACCES) {
        return false;
      }
      throw new IOException(
          file
              + ": cannot be locked, error number "
              + result.errno()
              + "; a repository needs a file system that knows locks");
    }
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      Kernel.close(fd);
    }
  }
}
