package dev.backstep.source.vsphere;

import dev.backstep.blockio.DiskInUseException;
import dev.backstep.blockio.DiskLock;
import dev.backstep.source.SourceException;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps snapshots of a VM and writing over its disks apart, among the processes of one run folder:
 * a disk is still open for writing when its task has ended already, and a snapshot that is made
 * then lies above what is written. The kernel lets go of it when its process dies.
 */
final class MachineLock implements Closeable {

  private static final Logger log = LoggerFactory.getLogger(MachineLock.class);

  private static final long PAUSE_MILLIS = 250;

  private final DiskLock lock;

  private MachineLock(DiskLock lock) {
    this.lock = lock;
  }

  /**
   * Of who writes over its disks.
   *
   * @throws SourceException {@code LOCKED} when another one does, or makes a snapshot
   */
  static MachineLock writing(Path runFolder, Machine machine) throws SourceException {
    try {
      return new MachineLock(DiskLock.ofNew(path(runFolder, machine)));
    } catch (DiskInUseException e) {
      throw new SourceException(
          SourceException.Kind.LOCKED,
          machine
              + " is written over by another command, or a backup of it begins; try again when"
              + " that has ended",
          e);
    } catch (IOException e) {
      throw failed(e);
    }
  }

  /**
   * Of who makes a snapshot, which others may, too. Waits for who writes over its disks.
   *
   * @throws SourceException {@code LOCKED} when that takes longer
   */
  static MachineLock snapshotting(Path runFolder, Machine machine, Duration max)
      throws SourceException {
    long end = System.nanoTime() + max.toNanos();
    for (boolean told = false; ; told = true) {
      try {
        return new MachineLock(DiskLock.sharedOfNew(path(runFolder, machine)));
      } catch (DiskInUseException e) {
        if (System.nanoTime() - end > 0) {
          throw new SourceException(
              SourceException.Kind.LOCKED,
              machine
                  + " is written over by a command that restores onto it; try again when that has"
                  + " ended",
              e);
        }
        if (!told) {
          log.info("{}: a command that restores onto it has its disks open, waiting", machine);
        }
      } catch (IOException e) {
        throw failed(e);
      }
      Pauses.pause(PAUSE_MILLIS);
    }
  }

  private static SourceException failed(IOException e) {
    return new SourceException(SourceException.Kind.FAILED, String.valueOf(e.getMessage()), e);
  }

  private static Path path(Path runFolder, Machine machine) throws IOException {
    Files.createDirectories(runFolder);
    return runFolder.resolve(".vm-" + id(machine) + ".lock");
  }

  /** In a file's name: the same when it was registered anew, or is asked for at its ESXi host. */
  static String id(Machine machine) {
    String uuid = machine.instanceUuid().replace("-", "");
    String id = uuid.isEmpty() ? machine.ref().toString() : uuid;
    return id.replaceAll("[^A-Za-z0-9-]", "_");
  }

  @Override
  public void close() {
    lock.close();
  }
}
