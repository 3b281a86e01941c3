package dev.backstep.blockio;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The flag of a file that nobody may write, rename, link or delete, root included, until it is
 * taken off (chattr(1), {@code +i}; ioctl_iflags(2)). Setting it and taking it off needs the
 * capability CAP_LINUX_IMMUTABLE and a file system that has it. Stateless, thread-safe.
 */
public final class ImmutableFlag {

  private static final long FS_IOC_GETFLAGS = 0x80086601L;
  private static final long FS_IOC_SETFLAGS = 0x40086602L;
  private static final int FS_IMMUTABLE_FL = 0x10;

  private ImmutableFlag() {}

  /**
   * @return false also where the file system has no such flag
   */
  public static boolean isSet(Path file) throws IOException {
    int fd = Kernel.openReadOnly(file);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment flags = arena.allocate(ValueLayout.JAVA_LONG);
      return !Kernel.ioctl(fd, FS_IOC_GETFLAGS, flags).failed()
          && (flags.get(ValueLayout.JAVA_INT, 0) & FS_IMMUTABLE_FL) != 0;
    } finally {
      Kernel.close(fd);
    }
  }

  /**
   * Sets it or takes it off; where it is so already nothing is asked for.
   *
   * @throws IOException when file system or rights do not allow it
   */
  public static void set(Path file, boolean immutable) throws IOException {
    int fd = Kernel.openReadOnly(file);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment flags = arena.allocate(ValueLayout.JAVA_LONG);
      require(file, Kernel.ioctl(fd, FS_IOC_GETFLAGS, flags));
      int before = flags.get(ValueLayout.JAVA_INT, 0);
      int after = immutable ? before | FS_IMMUTABLE_FL : before & ~FS_IMMUTABLE_FL;
      if (before != after) {
        flags.set(ValueLayout.JAVA_INT, 0, after);
        require(file, Kernel.ioctl(fd, FS_IOC_SETFLAGS, flags));
      }
    } finally {
      Kernel.close(fd);
    }
  }

  private static void require(Path file, Kernel.Result result) throws IOException {
    if (result.failed()) {
      throw new IOException(
          file
              + ": the immutable flag cannot be changed, error number "
              + result.errno()
              + (result.errno() == Kernel.EPERM
                  ? ": it takes root or the capability CAP_LINUX_IMMUTABLE"
                  : ": its file system has none"));
    }
  }

  /**
   * Tries it out in a folder; what it makes there it removes again.
   *
   * @throws IOException when file system or rights do not allow it
   */
  public static void probe(Path folder) throws IOException {
    Path file = Files.createTempFile(folder, ".immutable-", ".partial");
    try {
      set(file, true);
      set(file, false);
    } finally {
      Files.delete(file);
    }
  }
}
