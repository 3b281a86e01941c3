package dev.backstep.blockio;

import dev.backstep.domain.Sha256;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Objects;
import java.util.UUID;

/** Files that are there, whole and for good, or not at all. */
public final class DurableFiles {

  private static final String PARTIAL = ".partial";
  private static final int COPY_BYTES = 1 << 16;

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
   * As {@link #write}, where several may do so at the same time: the last one's is there then, and
   * whole at any moment.
   */
  public static void replace(Path file, byte[] content) throws IOException {
    Path partial = file.resolveSibling(file.getFileName() + "." + UUID.randomUUID() + PARTIAL);
    try {
      force(partial, content, StandardOpenOption.CREATE_NEW);
      publish(partial, file);
    } finally {
      FileChanges.delete(partial);
    }
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
        FileCalls.current().link(partial, file);
      } catch (FileAlreadyExistsException e) {
        // somebody was first
      } catch (UnsupportedOperationException | FileSystemException e) {
        moveUnlessThere(partial, file); // a file system without links
      }
      forceFolder(parent(file));
    } finally {
      FileChanges.delete(partial);
    }
  }

  private static void moveUnlessThere(Path partial, Path file) throws IOException {
    try {
      FileChanges.rename(partial, file);
    } catch (FileAlreadyExistsException e) {
      // somebody was first
    }
  }

  private static void force(Path file, byte[] content, StandardOpenOption how) throws IOException {
    try (FileChannel channel =
        FileChanges.create(file, StandardOpenOption.CREATE, how, StandardOpenOption.WRITE)) {
      FileChanges.write(file, channel, ByteBuffer.wrap(content), 0);
      FileChanges.force(file, channel);
    }
  }

  /**
   * Copies a file, over an older one if there is one, and forces it; its name is not yet durable.
   *
   * @return SHA-256 of what was copied, in hex digits
   */
  public static String copy(Path from, Path to) throws IOException {
    MessageDigest digest = Sha256.digest();
    try (FileChannel source = FileChannel.open(from);
        FileChannel copy =
            FileChanges.create(
                to,
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.WRITE)) {
      ByteBuffer bytes = ByteBuffer.allocate(COPY_BYTES);
      for (long at = 0; source.read(bytes) >= 0; bytes.clear()) {
        int length = bytes.flip().remaining();
        digest.update(bytes.duplicate());
        FileChanges.write(to, copy, bytes, at);
        at += length;
      }
      FileChanges.force(to, copy);
    }
    return HexFormat.of().formatHex(digest.digest());
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
    FileChanges.rename(
        partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    forceFolder(parent(file));
  }

  /**
   * Makes the name of a file durable that {@link #publish} gave it in a process which may have
   * died, or failed, before it forced that.
   */
  public static void keepName(Path file) throws IOException {
    forceFolder(parent(file));
  }

  /**
   * Deletes files of one folder where they are there. They are gone for good when this returns,
   * also those that a process deleted which died before it forced that.
   */
  public static void delete(Path... files) throws IOException {
    for (Path file : files) {
      FileChanges.delete(file);
    }
    Path folder = parent(files[0]);
    if (Files.isDirectory(folder)) {
      forceFolder(folder);
    }
  }

  /** Writes and forces a file, and deletes it again, to see whether that can be done. */
  public static void probe(Path file) throws IOException {
    // Not missed when it is gone: others may be probing at the same time.
    force(file, new byte[] {'o', 'k'}, StandardOpenOption.TRUNCATE_EXISTING);
    FileChanges.delete(file);
  }

  /**
   * Makes a folder, and those above it that are missing. Durable when this returns, also one that
   * was made by a process which died before it forced that; one at a time, so that nobody relies on
   * a folder that another thread has made and not forced yet.
   */
  public static synchronized void createFolders(Path folder) throws IOException {
    Path parent = folder.toAbsolutePath().getParent();
    if (parent == null) {
      return;
    }
    if (Files.isDirectory(folder)) {
      forceReadable(parent);
      return;
    }
    createFolders(parent);
    FileChanges.createFolder(folder);
    forceFolder(parent);
  }

  /** A folder that we may not list is one that we cannot have made something in. */
  private static void forceReadable(Path folder) throws IOException {
    try {
      forceFolder(folder);
    } catch (AccessDeniedException e) {
      // an operator's, who has made what is in it
    }
  }

  private static void forceFolder(Path folder) throws IOException {
    FileChanges.forceFolder(folder);
  }
}
