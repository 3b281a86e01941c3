package dev.backstep.blockio;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** What a raw file or block device tells of itself. */
public final class RawFile {

  private static final int SEEK_END = 2;
  private static final int SEEK_DATA = 3;
  private static final int SEEK_HOLE = 4;

  private RawFile() {}

  /** Size in bytes, of a block device, too. */
  public static long sizeBytes(Path path) throws IOException {
    if (Files.isRegularFile(path)) {
      return Files.size(path);
    }
    int fd = Kernel.openReadOnly(path);
    try {
      Kernel.Result end = Kernel.lseek(fd, 0, SEEK_END);
      if (end.failed()) {
        throw new IOException(path + ": no size, error number " + end.errno());
      }
      return end.value();
    } finally {
      Kernel.close(fd);
    }
  }

  /**
   * Reports data and holes as the file system knows them (lseek(2), SEEK_DATA and SEEK_HOLE); all
   * of it as data where it does not.
   */
  public static void allocated(Path path, ExtentVisitor visitor) throws IOException {
    long size = sizeBytes(path);
    int fd = Kernel.openReadOnly(path);
    try {
      long at = 0;
      while (at < size) {
        Kernel.Result data = Kernel.lseek(fd, at, SEEK_DATA);
        if (data.failed() && data.errno() != Kernel.ENXIO) {
          visitor.extent(at, size - at, ExtentKind.DATA);
          return;
        }
        long start = data.failed() ? size : Math.min(data.value(), size);
        if (start > at) {
          visitor.extent(at, start - at, ExtentKind.ZERO);
        }
        if (start >= size) {
          return;
        }
        Kernel.Result hole = Kernel.lseek(fd, start, SEEK_HOLE);
        long end = hole.failed() ? size : Math.min(hole.value(), size);
        visitor.extent(start, end - start, ExtentKind.DATA);
        at = end;
      }
    } finally {
      Kernel.close(fd);
    }
  }

  /** Whether a file or device begins with certain bytes. */
  public static boolean beginsWith(Path path, byte[] magic) throws IOException {
    try (FileChannel file = FileChannel.open(path)) {
      ByteBuffer head = ByteBuffer.allocate(magic.length);
      while (head.hasRemaining() && file.read(head, head.position()) >= 0) {}
      return Arrays.equals(head.array(), magic);
    }
  }
}
