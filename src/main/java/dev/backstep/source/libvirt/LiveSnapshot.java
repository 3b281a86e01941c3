package dev.backstep.source.libvirt;

import dev.backstep.domain.ChangeId;
import dev.backstep.source.GuestGuard;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SourceDisk;
import dev.backstep.source.SourceException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running domain's disks behind its backup job. The job ends when this is closed, because nobody
 * would watch the guest any more; only one whose process died can be taken up again.
 */
final class LiveSnapshot implements Snapshot {

  private static final Logger log = LoggerFactory.getLogger(LiveSnapshot.class);

  private static final Duration DAEMON_PATIENCE = Duration.ofSeconds(30);

  private static final Duration LATER_MIN = Duration.ofSeconds(1);
  private static final Duration LATER_MAX = Duration.ofSeconds(16);

  /** The sockets of jobs that are to end as soon as they can. */
  private static final Set<Path> ENDING = ConcurrentHashMap.newKeySet();

  private final Handle handle;
  private final Path socket;
  private final OwnJob job;
  private final Checkpoints checkpoints;
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
      Checkpoints checkpoints,
      GuestGuard guard,
      int connections,
      Map<String, String> vmDefinition) {
    this.handle = handle;
    this.socket = socket;
    this.job = job;
    this.checkpoints = checkpoints;
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
      log.warn("{}: its backup job cannot be ended yet: {}", handle.uuid(), e.getMessage());
      ENDING.add(socket);
      Thread.ofPlatform().daemon().name("end-" + handle.uuid()).start(this::endLater);
    }
  }

  /** Once its job has ended nobody can take it up again, and what follows has another moment. */
  @Override
  public Set<ChangeId> spentMarks() {
    if (isEnding(socket)) {
      return Set.of(); // another process may still find the job
    }
    Set<ChangeId> made = new HashSet<>();
    handle.disks().stream()
        .map(Handle.Disk::changeId)
        .filter(Objects::nonNull)
        .forEach(name -> made.add(new ChangeId(name)));
    return made;
  }

  @Override
  public void remove(Set<ChangeId> marks) throws SourceException {
    for (ChangeId name : marks) {
      checkpoints.delete(name.value());
    }
  }

  /** Whether a job that may still be there is not to be read any more. */
  static boolean isEnding(Path socket) {
    return ENDING.contains(socket);
  }

  /**
   * Nobody else knows of the job until the VM's next backup, and what the guest overwrites goes on
   * to need room: it is tried for as long as this process lives.
   */
  private void endLater() {
    Duration pause = LATER_MIN;
    while (true) {
      try {
        OwnJob.pause(pause);
        job.end(socket);
        log.info("{}: its backup job has ended", handle.uuid());
        ENDING.remove(socket);
        return;
      } catch (SourceException e) {
        if (e.kind() == SourceException.Kind.NOT_FOUND) {
          ENDING.remove(socket);
          return; // the domain has gone, and its job with it
        }
        log.debug("{}: its backup job stays: {}", handle.uuid(), e.getMessage());
        pause = pause.compareTo(LATER_MAX) < 0 ? pause.multipliedBy(2) : pause;
      }
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
