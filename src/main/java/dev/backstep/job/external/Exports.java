package dev.backstep.job.external;

import dev.backstep.backup.MovedImage;
import dev.backstep.backup.UnforcedImageException;
import dev.backstep.catalog.MovedBackups;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.job.JobSettings;
import dev.backstep.source.ChildProcess;
import dev.backstep.source.NbdServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.stereotype.Component;

/**
 * The images that this process exports to movers, each writable through a {@code qemu-nbd} of its
 * own. That one is open is in the catalog from before it begins until all that was written is
 * forced: what broke off in between may have lost what the mover had not flushed. Thread-safe.
 */
@Component
class Exports {

  private static final Logger log = LoggerFactory.getLogger(Exports.class);

  /** A range that the mover trims or fills with zeros takes no space. */
  private static final List<String> OPTIONS =
      List.of("--discard=unmap", "--detect-zeroes=unmap", "--cache=writeback");

  private final MovedBackups moved;
  private final Path runFolder;
  private final Map<DiskBackupId, Export> held = new ConcurrentHashMap<>();

  private record Export(Path image, NbdServer server) {}

  Exports(MovedBackups moved, JobSettings settings) {
    this.moved = moved;
    this.runFolder = settings.runFolder();
  }

  /** Ends exports of processes that died, so that nothing holds the images' locks any more. */
  void endLeftovers() throws IOException {
    ChildProcess.endLeftovers(runFolder);
  }

  /** Where the disk's image is exported, if it is. */
  Optional<String> uri(DiskBackupId id) {
    return Optional.ofNullable(held.get(id))
        .filter(export -> export.server().isAlive())
        .map(export -> export.server().uri().toString());
  }

  Set<DiskBackupId> held() {
    return Set.copyOf(held.keySet());
  }

  /**
   * Begins an export, also in place of one that broke off. The caller sees to it that nobody else
   * does so at the same time.
   */
  void begin(DiskBackupId id, Path image, long leaseToken) throws IOException {
    drop(id);
    moved.exportBegins(id, leaseToken);
    boolean begun = false;
    try {
      Files.createDirectories(runFolder);
      NbdServer server = NbdServer.start(image, OPTIONS, runFolder);
      held.put(id, new Export(image, server));
      begun = true;
      log.info("{}: exported at {}", id, server.uri());
    } finally {
      if (!begun) {
        moved.exportEnded(id); // it served nobody, so nothing can be lost
      }
    }
  }

  /**
   * Ends an export, waits until its process is gone, and forces the image. What was not orderly is
   * not noted as ended.
   *
   * @throws UnforcedImageException when the image cannot be forced: its backup must be given up,
   *     since a mover that writes again does not write the image's tables again
   */
  void end(DiskBackupId id, Duration limit) throws IOException {
    Export export = held.remove(id);
    if (export == null) {
      return;
    }
    if (!export.server().end(limit)) {
      log.warn("{}: its export did not end in an orderly way", id);
      return;
    }
    MovedImage.force(export.image());
    moved.exportEnded(id);
  }

  /** Ends an export whose image nobody wants any more. */
  void drop(DiskBackupId id) {
    Export export = held.remove(id);
    if (export != null) {
      export.server().close();
    }
  }
}
