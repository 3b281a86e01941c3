package dev.backstep.blockio;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** Files that are there, whole and for good, or not at all. */
public final class DurableFiles {

  private static final String PARTIAL = ".partial";

  private DurableFiles() {}

  /**
   * Writes a small file under a temporary name, forces it and moves it into place, over an older
   * one if there is one. Durable when this returns.
   */
  public static void write(Path file, byte[] content) throws IOException {
    Path partial = file.resolveSibling(file.getFileName() + PARTIAL);
    try (FileChannel channel =
        FileChannel.open(
            partial,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      ByteBuffer bytes = ByteBuffer.wrap(content);
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      channel.force(true);
    }
    publish(partial, file);
  }

  /**
   * Gives a file that is complete and forced its final name. Durable when this returns.
   *
   * @param file in the same folder as {@code partial}
   */
  public static void publish(Path partial, Path file) throws IOException {
    Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    Path folder = file.toAbsolutePath().getParent();
    if (folder != null) {
      forceFolder(folder);
    }
  }

  /**
   * Makes a folder, and those above it that are missing. Durable when this returns; one at a time,
   * so that nobody relies on a folder that another thread has made and not forced yet.
   */
  public static synchronized void createFolders(Path folder) throws IOException {
    Path parent = folder.toAbsolutePath().getParent();
    if (Files.isDirectory(folder) || parent == null) {
      return;
    }
    createFolders(parent);
    Files.createDirectories(folder); // also fine when another process was first
    forceFolder(parent);
  }

  private static void forceFolder(Path folder) throws IOException {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }
}
