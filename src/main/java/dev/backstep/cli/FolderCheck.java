package dev.backstep.cli;

import dev.backstep.blockio.DirectFile;
import dev.backstep.blockio.ImmutableFlag;
import dev.backstep.repository.Repository;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Looks at folders that backups write to. What it tries there it takes away again. */
final class FolderCheck {

  private static final long FREE_BYTES_MIN = 1L << 30;

  private FolderCheck() {}

  /** The home folder; made when absent, as every command would. */
  static String home(Path home) throws IOException {
    try {
      Files.createDirectories(home);
      Files.delete(Files.createTempFile(home, ".doctor-", ""));
    } catch (IOException e) {
      throw new IOException(
          home + " cannot be written (" + e + "); --home names another folder", e);
    }
    return home + ", " + free(home);
  }

  /** A repository, or the folder in which the first backup will make it. */
  static String repository(Path folder) throws IOException {
    if (isEmptyOrAbsent(folder)) {
      Path there = existing(folder);
      if (!Files.isDirectory(there) || !Files.isWritable(there)) {
        throw new IOException(
            folder + ": cannot be made, " + there + " is not a folder that can be written");
      }
      return folder + ", will be made by the first backup, " + free(there) + direct(there);
    }
    Repository repository = Repository.open(folder);
    repository.checkWritable();
    return folder + ", format " + repository.format() + ", " + free(folder) + direct(folder);
  }

  /** Whether files there can be made immutable. */
  static String immutable(Path folder) throws IOException {
    Path there = existing(folder);
    ImmutableFlag.probe(there);
    return "files in " + there + " can be made immutable";
  }

  private static boolean isEmptyOrAbsent(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return !Files.exists(folder);
    }
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.allMatch(entry -> entry.endsWith("lost+found"));
    }
  }

  private static Path existing(Path folder) {
    Path there = folder;
    while (!Files.exists(there) && there.getParent() != null) {
      there = there.getParent();
    }
    return there;
  }

  private static String free(Path folder) throws IOException {
    long free = Files.getFileStore(folder).getUsableSpace();
    if (free < FREE_BYTES_MIN) {
      throw new IOException(
          folder
              + ": only "
              + Sizes.bytes(free)
              + " free, expected "
              + Sizes.bytes(FREE_BYTES_MIN)
              + " at least; make room or name another folder");
    }
    return Sizes.bytes(free) + " free";
  }

  private static String direct(Path folder) throws IOException {
    Path probe = Files.createTempFile(folder, ".doctor-", ".partial");
    try (DirectFile file = DirectFile.create(probe)) {
      return file.isDirect()
          ? ""
          : "; its file system has no direct I/O, so writing goes through the page cache: slower";
    } finally {
      Files.deleteIfExists(probe);
    }
  }
}
