package dev.backstep.blockio;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.CopyOption;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;

/**
 * Every call by which this package changes files and folders, as the system does them. Tests put a
 * class in its place that records them, refuses them or does them in part. Thread-safe.
 */
class FileCalls {

  private static final int ALLOCATE = 0;
  private static final int KEEP_SIZE = 1;
  private static final int PUNCH_HOLE = 2;
  private static final long FICLONERANGE = 0x4020940dL;

  /** Errors of files that could share blocks. All others say that these two, or this, cannot. */
  private static final Set<Integer> SHARING_FAILED =
      Set.of(Kernel.EIO, Kernel.ENOSPC, Kernel.EROFS, Kernel.EDQUOT);

  private static volatile FileCalls current = new FileCalls();

  /** What does the calls now. */
  static FileCalls current() {
    return current;
  }

  /** For tests: from now on these do them. */
  static void use(FileCalls calls) {
    current = calls;
  }

  /** Opens a file that is made or emptied. */
  FileChannel create(Path file, OpenOption... options) throws IOException {
    return FileChannel.open(file, options);
  }

  /**
   * Writes some of the remaining bytes, at least one.
   *
   * @return how many
   */
  int write(Path file, FileChannel channel, ByteBuffer bytes, long offset) throws IOException {
    return channel.write(bytes, offset);
  }

  /** Cuts a file that is longer. */
  void truncate(Path file, FileChannel channel, long sizeBytes) throws IOException {
    channel.truncate(sizeBytes);
  }

  /**
   * Makes a hole where file system or device can.
   *
   * @return whether they could
   */
  boolean punch(Path file, long offset, long length) throws IOException {
    int fd = Kernel.openForWriting(file);
    try {
      return !Kernel.fallocate(fd, PUNCH_HOLE | KEEP_SIZE, offset, length).failed();
    } finally {
      Kernel.close(fd);
    }
  }

  /**
   * Has the file system set room aside for a range that is to be written. The file becomes as long.
   *
   * @return whether it could; where not, it may have done so in part
   */
  boolean reserve(Path file, long offset, long length) throws IOException {
    int fd = Kernel.openForWriting(file);
    try {
      return !Kernel.fallocate(fd, ALLOCATE, offset, length).failed();
    } finally {
      Kernel.close(fd);
    }
  }

  /** A file, and the descriptor that it is open at. */
  record Open(Path file, int fd) {}

  /**
   * Makes a range of an open file the same blocks as one of another, by ioctl_ficlonerange(2).
   *
   * <pre>
   * struct file_clone_range: src_fd 0:8, src_offset 8:8, src_length 16:8, dest_offset 24:8 (host order)
   * </pre>
   *
   * @return whether file system and place allow it at all
   * @throws IOException when they do and it failed
   */
  boolean share(Open target, Open source, long sourceOffset, long length, long targetOffset)
      throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment range = arena.allocate(32, 8);
      range.set(ValueLayout.JAVA_LONG, 0, source.fd());
      range.set(ValueLayout.JAVA_LONG, 8, sourceOffset);
      range.set(ValueLayout.JAVA_LONG, 16, length);
      range.set(ValueLayout.JAVA_LONG, 24, targetOffset);
      Kernel.Result result = Kernel.ioctl(target.fd(), FICLONERANGE, range);
      if (result.failed() && SHARING_FAILED.contains(result.errno())) {
        throw new IOException(Kernel.text(result.errno()));
      }
      return !result.failed();
    }
  }

  /**
   * Forces what was written to a file, and its length. A caller whose force fails must not force
   * again and go on: the system may have dropped what it could not write, and call the rest clean.
   */
  void force(Path file, FileChannel channel) throws IOException {
    channel.force(true);
  }

  /** Forces which names a folder holds. */
  void forceFolder(Path folder) throws IOException {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  void rename(Path from, Path to, CopyOption... options) throws IOException {
    Files.move(from, to, options);
  }

  /** Gives a file a second name. */
  void link(Path file, Path name) throws IOException {
    Files.createLink(name, file);
  }

  /**
   * @return whether it was there
   */
  boolean delete(Path file) throws IOException {
    return Files.deleteIfExists(file);
  }

  /** Makes a folder whose parent is there; one that another process has just made is fine, too. */
  void createFolder(Path folder) throws IOException {
    Files.createDirectories(folder);
  }
}
