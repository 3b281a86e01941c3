package dev.backstep.blockio;

import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A reader's lock on a disk's file, in the language of QEMU's image locking ({@code
 * block/file-posix.c}: open file description locks on single bytes): we read and let nobody write
 * or resize meanwhile. A QEMU that starts with this disk fails to get its write lock, and one that
 * has it makes us fail. Not thread-safe.
 *
 * <pre>
 * struct flock on 64-bit Linux: l_type 0:2, l_whence 2:2, l_start 8:8, l_len 16:8, l_pid 24:4 (host order)
 * </pre>
 */
public final class DiskLock implements Closeable {

  /** Byte of "I use this permission", by the permission's bit. */
  private static final long USED_BASE = 100;

  /** Byte of "others must not use this permission". */
  private static final long UNSHARED_BASE = 200;

  private static final int CONSISTENT_READ = 0;
  private static final int WRITE = 1;
  private static final int RESIZE = 3;

  private static final int F_OFD_GETLK = 36;
  private static final int F_OFD_SETLK = 37;
  private static final short F_RDLCK = 0;
  private static final short F_WRLCK = 1;
  private static final short F_UNLCK = 2;

  private final Path path;
  private final int fd;
  private boolean closed;

  private DiskLock(Path path, int fd) {
    this.path = path;
    this.fd = fd;
  }

  /** What is locked. */
  public Path path() {
    return path;
  }

  /**
   * Locks a file or block device for reading.
   *
   * @throws DiskInUseException when another program writes it or forbids reading it
   */
  public static DiskLock shared(Path path) throws IOException {
    DiskLock lock = new DiskLock(path, Kernel.openReadOnly(path));
    try {
      lock.take(USED_BASE + CONSISTENT_READ);
      lock.take(UNSHARED_BASE + WRITE);
      lock.take(UNSHARED_BASE + RESIZE);
      lock.refuseIfHeld(UNSHARED_BASE + CONSISTENT_READ);
      lock.refuseIfHeld(USED_BASE + WRITE);
      lock.refuseIfHeld(USED_BASE + RESIZE);
      return lock;
    } catch (IOException | RuntimeException e) {
      lock.close();
      throw e;
    }
  }

  /**
   * Locks a file or block device for writing: nobody else may, and nobody who relies on its content
   * has it open.
   *
   * @throws DiskInUseException when another program has it open in a way that forbids this
   */
  public static DiskLock exclusive(Path path) throws IOException {
    DiskLock lock = new DiskLock(path, Kernel.openReadOnly(path));
    try {
      for (int permission : new int[] {CONSISTENT_READ, WRITE, RESIZE}) {
        lock.take(USED_BASE + permission);
      }
      lock.take(UNSHARED_BASE + WRITE);
      lock.take(UNSHARED_BASE + RESIZE);
      for (int permission : new int[] {CONSISTENT_READ, WRITE, RESIZE}) {
        lock.refuseIfHeld(UNSHARED_BASE + permission);
      }
      lock.refuseIfHeld(USED_BASE + WRITE);
      lock.refuseIfHeld(USED_BASE + RESIZE);
      return lock;
    } catch (IOException | RuntimeException e) {
      lock.close();
      throw e;
    }
  }

  /**
   * As {@link #exclusive}, of a file that is made where it is not there yet.
   *
   * @throws DiskInUseException when another one has it
   */
  public static DiskLock ofNew(Path path) throws IOException {
    make(path);
    return exclusive(path);
  }

  /**
   * As {@link #shared}, of a file that is made where it is not there yet.
   *
   * @throws DiskInUseException when another one has it for writing
   */
  public static DiskLock sharedOfNew(Path path) throws IOException {
    make(path);
    return shared(path);
  }

  private static void make(Path path) throws IOException {
    FileChanges.create(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE).close();
  }

  private void take(long at) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      Kernel.Result result = Kernel.fcntl(fd, F_OFD_SETLK, flock(arena, F_RDLCK, at));
      if (result.failed()) {
        if (result.errno() == Kernel.EAGAIN || result.errno() == Kernel.EACCES) {
          throw new DiskInUseException(path);
        }
        throw new IOException(path + ": cannot be locked, error number " + result.errno());
      }
    }
  }

  private void refuseIfHeld(long at) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment asked = flock(arena, F_WRLCK, at);
      Kernel.Result result = Kernel.fcntl(fd, F_OFD_GETLK, asked);
      if (result.failed()) {
        throw new IOException(path + ": locks cannot be read, error number " + result.errno());
      }
      if (asked.get(ValueLayout.JAVA_SHORT, 0) != F_UNLCK) {
        throw new DiskInUseException(path);
      }
    }
  }

  static MemorySegment flock(Arena arena, short type, long at) {
    MemorySegment lock = arena.allocate(32, 8);
    lock.set(ValueLayout.JAVA_SHORT, 0, type);
    lock.set(ValueLayout.JAVA_LONG, 8, at);
    lock.set(ValueLayout.JAVA_LONG, 16, 1);
    return lock;
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      Kernel.close(fd);
    }
  }
}
