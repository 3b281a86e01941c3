package dev.backstep.blockio;

import java.nio.file.Path;

/** A change to a file, by number, or to a name. */
public sealed interface FileChange {
  record Create(int file, Path name) implements FileChange {}

  record Empty(int file) implements FileChange {}

  record Write(int file, long offset, byte[] bytes) implements FileChange {}

  record Truncate(int file, long size) implements FileChange {}

  /** What was written before step {@code begun}, and by other programs, is on the disk. */
  record Force(int file, int begun) implements FileChange {}

  /**
   * A force that failed. What was written before step {@code begun}, and not forced by then, is
   * dropped: the system calls it clean from now on, and no later force writes it.
   */
  record FailedForce(int file, int begun) implements FileChange {}

  record Rename(Path from, Path to, int file) implements FileChange {}

  record Link(Path name, int file) implements FileChange {}

  record Delete(Path name) implements FileChange {}

  record Folder(Path name) implements FileChange {}

  record ForceFolder(Path name, int begun) implements FileChange {}
}
