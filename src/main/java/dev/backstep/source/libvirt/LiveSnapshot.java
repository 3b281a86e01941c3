package dev.backstep.source.libvirt;

import dev.backstep.source.GuestGuard;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SourceDisk;
import dev.backstep.source.SourceException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running domain's disks behind its backup job. The job ends when this is closed, because nobody
 * would watch the guest any more; only one whose process died can be taken up again.
 */
final class LiveSnapshot implements Snapshot {

  private static final Logger log = LoggerFactory.getLogger(LiveSnapshot.class);

  private static final Duration DAEMON_PATIENCE = Duration.ofSeconds(30);

  private final Handle handle;
  private final OwnJob job;
  private final GuestGuard guard;
  private final List<SourceDisk> disks;
  private final Map<String, String> vmDefinition;

  /**
   * @param socket the running job's
   */
  LiveSnapshot(
      Handle handle,
      Path socket,
      OwnJob job,
      GuestGuard guard,
      int connections,
      Map<String, String> vmDefinition) {
    this.handle = handle;
    this.job = job;
    this.guard = guard;
    this.vmDefinition = Map.copyOf(vmDefinition);
    this.disks =
        handle.disks().stream()
            .<SourceDisk>map(disk -> disk.exported(socket, connections, guard))
            .toList();
  }

  @Override
  public String handle() {
    return handle.text();
  }

  @Override
  public Instant takenAt() {
    return handle.at();
  }

  @Override
  public List<SourceDisk> disks() {
    return disks;
  }

  @Override
  public Map<String, String> vmDefinition() {
    return vmDefinition;
  }

  @Override
  public void close() {
    guard.close();
    try {
      end();
    } catch (SourceException e) {
      log.warn("{}: its backup job stays until the next backup: {}", handle.uuid(), e.getMessage());
    }
  }

  /** A daemon that is being restarted comes back; its jobs go on meanwhile. */
  private void end() throws SourceException {
    long deadline = System.nanoTime() + DAEMON_PATIENCE.toNanos();
    while (true) {
      try {
        job.end();
        return;
      } catch (SourceException e) {
        if (e.kind() != SourceException.Kind.UNREACHABLE || System.nanoTime() - deadline > 0) {
          throw e;
        }
        OwnJob.pause();
      }
    }
  }
}
