package dev.backstep.blockio;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import java.util.UUID;

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
    force(partial, content, StandardOpenOption.TRUNCATE_EXISTING);
    publish(partial, file);
  }

  /**
   * Writes a small file unless there is one of that name. Of several callers at the same time, in
   * any process, one writes it; to all of them it is whole and durable when this returns.
   */
  public static void writeOnce(Path file, byte[] content) throws IOException {
    Path partial = file.resolveSibling(file.getFileName() + "." + UUID.randomUUID() + PARTIAL);
    try {
      force(partial, content, StandardOpenOption.CREATE_NEW);
      try {
        Files.createLink(file, partial);
      } catch (FileAlreadyExistsException e) {
        // somebody was first
      } catch (UnsupportedOperationException | FileSystemException e) {
        moveUnlessThere(partial, file); // a file system without links
      }
      forceFolder(parent(file));
    } finally {
      Files.deleteIfExists(partial);
    }
  }

  private static void moveUnlessThere(Path partial, Path file) throws IOException {
    try {
      Files.move(partial, file);
    } catch (FileAlreadyExistsException e) {
      // somebody was first
    }
  }

  private static void force(Path file, byte[] content, StandardOpenOption how) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, how, StandardOpenOption.WRITE)) {
      ByteBuffer bytes = ByteBuffer.wrap(content);
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      channel.force(true);
    }
  }

  private static Path parent(Path file) {
    return Objects.requireNonNull(file.toAbsolutePath().getParent());
  }

  /**
   * Gives a file that is complete and forced its final name. Durable when this returns.
   *
   * @param file in the same folder as {@code partial}
   */
  public static void publish(Path partial, Path file) throws IOException {
    Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    forceFolder(parent(file));
  }

  /** Deletes a file where it is there. It is gone for good when this returns. */
  public static void delete(Path file) throws IOException {
    if (Files.deleteIfExists(file)) {
      forceFolder(parent(file));
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
