package dev.backstep.blockio;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.CopyOption;
import java.nio.file.FileSystemException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Changes to files and folders whose failures name the file and what to do. Those that callers tell
 * apart, as a file that is missing or there already, pass as they are. Thread-safe.
 */
final class FileChanges {

  private FileChanges() {}

  static FileChannel create(Path file, OpenOption... options) throws IOException {
    try {
      return FileCalls.current().create(file, options);
    } catch (IOException e) {
      throw told(file, "cannot be made", e);
    }
  }

  /** Writes all remaining bytes. */
  static void write(Path file, FileChannel channel, ByteBuffer bytes, long offset)
      throws IOException {
    long at = offset;
    try {
      while (bytes.hasRemaining()) {
        at += FileCalls.current().write(file, channel, bytes, at);
      }
    } catch (IOException e) {
      throw unwritten(file, at, bytes.remaining(), e);
    }
  }

  static IOException unwritten(Path file, long offset, int bytes, Throwable e) {
    String remedy = e instanceof IOException io ? remedy(io) : "";
    return new IOException(
        file
            + " at byte "
            + offset
            + ": cannot write "
            + bytes
            + " bytes: "
            + e.getMessage()
            + remedy,
        e);
  }

  static boolean share(
      FileCalls.Open target,
      FileCalls.Open source,
      long sourceOffset,
      long length,
      long targetOffset)
      throws IOException {
    try {
      return FileCalls.current().share(target, source, sourceOffset, length, targetOffset);
    } catch (IOException e) {
      throw told(
          target.file(),
          "cannot share "
              + length
              + " bytes of "
              + source.file()
              + " from byte "
              + sourceOffset
              + " on",
          e);
    }
  }

  static void truncate(Path file, FileChannel channel, long sizeBytes) throws IOException {
    try {
      FileCalls.current().truncate(file, channel, sizeBytes);
    } catch (IOException e) {
      throw told(file, "cannot be cut", e);
    }
  }

  static void force(Path file, FileChannel channel) throws IOException {
    try {
      FileCalls.current().force(file, channel);
    } catch (IOException e) {
      throw told(file, "cannot be forced to disk", e);
    }
  }

  static void forceFolder(Path folder) throws IOException {
    try {
      FileCalls.current().forceFolder(folder);
    } catch (IOException e) {
      throw told(folder, "cannot be forced to disk", e);
    }
  }

  static void rename(Path from, Path to, CopyOption... options) throws IOException {
    try {
      FileCalls.current().rename(from, to, options);
    } catch (IOException e) {
      throw told(from, "cannot get the name " + to.getFileName(), e);
    }
  }

  static void delete(Path file) throws IOException {
    try {
      FileCalls.current().delete(file);
    } catch (IOException e) {
      throw told(file, "cannot be deleted", e);
    }
  }

  static void createFolder(Path folder) throws IOException {
    try {
      FileCalls.current().createFolder(folder);
    } catch (IOException e) {
      throw told(folder, "cannot be made", e);
    }
  }

  private static IOException told(Path file, String what, IOException e) {
    boolean plain = e.getClass() == IOException.class || e.getClass() == FileSystemException.class;
    return plain ? new IOException(file + ": " + what + ": " + text(e) + remedy(e), e) : e;
  }

  private static @Nullable String text(IOException e) {
    return e instanceof FileSystemException named && named.getReason() != null
        ? named.getReason()
        : e.getMessage();
  }

  private static String remedy(IOException e) {
    String text = String.valueOf(text(e));
    if (text.contains("No space left") || text.contains("quota")) {
      return "; free space there and try again";
    }
    if (text.contains("Read-only")) {
      return "; check its mount options and the system's log, then try again";
    }
    return "; check the disk that holds it and the system's log, then try again";
  }
}
