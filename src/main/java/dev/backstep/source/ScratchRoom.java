package dev.backstep.source;

import dev.backstep.domain.SourceDefinition;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * Where the old content of what a guest overwrites is kept while its snapshot is read, and the room
 * in there.
 *
 * @param folder on the hypervisor's host; QEMU may write to it
 * @param bytes room without which no snapshot is made; with a quarter of it left one is given up. 0
 *     looks at no room
 */
public record ScratchRoom(Path folder, long bytes) {

  private static final String FOLDER_DEFAULT = "/var/tmp";
  private static final String MEBIBYTES_DEFAULT = "256";

  /** As a definition says in {@code scratch} and {@code scratch-room-mib}. */
  public static ScratchRoom of(SourceDefinition definition) {
    Map<String, String> texts = definition.settings();
    return new ScratchRoom(
        Path.of(texts.getOrDefault("scratch", FOLDER_DEFAULT)),
        Long.parseLong(texts.getOrDefault("scratch-room-mib", MEBIBYTES_DEFAULT)) << 20);
  }

  /** What is left of it, in bytes. */
  private long left() throws SourceException {
    try {
      return Files.getFileStore(folder).getUsableSpace();
    } catch (IOException e) {
      throw new SourceException(
          SourceException.Kind.FAILED,
          "scratch folder " + folder + ": " + e + "; make it, or name another one",
          e);
    }
  }

  /**
   * @throws SourceException when there is too little to begin
   */
  public void require() throws SourceException {
    long left = left();
    if (left < bytes) {
      throw new SourceException(
          SourceException.Kind.FAILED,
          "scratch folder "
              + folder
              + " has "
              + left
              + " bytes left, 'scratch-room-mib' asks for "
              + bytes
              + "; without room the guest would stand still");
    }
  }

  /** Why a snapshot must go now; empty while there is room. */
  public Optional<String> shortage() throws SourceException {
    long least = bytes / 4;
    long left = left();
    return left >= least
        ? Optional.empty()
        : Optional.of(
            folder
                + " has "
                + left
                + " bytes left for what the guest overwrites, less than "
                + least);
  }

  /** How it looks before a snapshot. */
  public SourceFinding finding() throws SourceException {
    boolean enough = left() >= bytes;
    return new SourceFinding(
        enough, "scratch", folder + (enough ? "" : " has less room than 'scratch-room-mib'"));
  }
}
