package dev.backstep.source.libvirt;

import dev.backstep.domain.RepositoryId;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.zip.CRC32;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The backup jobs of one repository at one domain: told from others' by the name of their socket,
 * {@code backstep-<domain>-<repository>-<random>.sock}, both parts digests of eight digits.
 */
final class OwnJob {

  private static final Logger log = LoggerFactory.getLogger(OwnJob.class);

  private static final Duration END_MAX = Duration.ofSeconds(60);

  /** How long a job is waited for that nobody knows whether it begins. */
  private static final Duration LATE_MAX = Duration.ofMinutes(5);

  /** libvirt has a job wait for another one for 30 seconds. */
  private static final Duration QUEUED_MAX = Duration.ofSeconds(35);

  private static final Duration LATE_PAUSE = Duration.ofSeconds(1);

  /** A job that is asked to end mostly has within some milliseconds. */
  private static final Duration PAUSE_MIN = Duration.ofMillis(2);

  private static final Duration PAUSE_MAX = Duration.ofMillis(50);

  /** After so long a guest that has no room has tried to write again. */
  private static final Duration WOKEN = Duration.ofMillis(300);

  private final HypervisorControl control;
  private final String uuid;
  private final Path scratch;
  private final String prefix;

  OwnJob(HypervisorControl control, String uuid, Path scratch, RepositoryId repository) {
    this(control, uuid, scratch, ofDomain(uuid) + digest(repository.value()) + "-");
  }

  private OwnJob(HypervisorControl control, String uuid, Path scratch, String prefix) {
    this.control = control;
    this.uuid = uuid;
    this.scratch = scratch;
    this.prefix = prefix;
  }

  /** What runs at a domain that no backup into any repository can begin beside. */
  static Optional<String> obstacle(HypervisorControl control, String uuid, Path scratch)
      throws SourceException {
    return new OwnJob(control, uuid, scratch, ofDomain(uuid)).obstacle(control.backupJob(uuid));
  }

  private static String ofDomain(String uuid) {
    return "backstep-" + digest(uuid) + "-";
  }

  private static String digest(String text) {
    CRC32 crc = new CRC32();
    crc.update(text.getBytes(StandardCharsets.UTF_8));
    return HexFormat.of().toHexDigits((int) crc.getValue());
  }

  /** A socket that no job has had. */
  Path newSocket() {
    byte[] random = new byte[4];
    new SecureRandom().nextBytes(random);
    return scratch.resolve(prefix + HexFormat.of().formatHex(random) + ".sock");
  }

  /**
   * Ends what a process that died has left, and refuses to go on beside another's job.
   *
   * @throws SourceException LOCKED when another job runs
   */
  void clear() throws SourceException {
    Optional<String> running = control.backupJob(uuid);
    Optional<String> obstacle = obstacle(running);
    if (obstacle.isPresent()) {
      throw new SourceException(SourceException.Kind.LOCKED, obstacle.get());
    }
    if (running.isPresent()) {
      log.warn("{}: a backup job that was left behind is ended", uuid);
      end();
    } else {
      removeFiles();
    }
  }

  /** What runs at the domain that no backup of ours can begin beside, and what to do about it. */
  private Optional<String> obstacle(Optional<String> running) throws SourceException {
    if (running.isEmpty()) {
      return control
          .operation(uuid)
          .map(operation ->
              "libvirt is busy with this domain (" + operation + "); try again when that ends");
    }
    String socket = BackupJob.socketOf(running.get());
    return isOurs(socket)
        ? Optional.empty()
        : Optional.of(
            (String.valueOf(Path.of(socket).getFileName()).startsWith(ofDomain(uuid))
                    ? "a backup to another repository"
                    : "another program's backup job")
                + " runs at this domain"
                + (socket.isEmpty() ? "" : " behind " + socket)
                + "; wait until it ends, or end it: virsh domjobabort "
                + uuid);
  }

  private boolean isOurs(String socket) {
    return !socket.isEmpty() && String.valueOf(Path.of(socket).getFileName()).startsWith(prefix);
  }

  /** Whether the job behind that very socket is there. */
  boolean runs(Path socket) throws SourceException {
    Optional<String> running = control.backupJob(uuid);
    return running.isPresent() && BackupJob.socketOf(running.get()).equals(socket.toString());
  }

  /**
   * Ends the job of ours, if there is one, and waits until it is gone with its files. A guest that
   * stands still because of it goes on.
   */
  void end() throws SourceException {
    end(this::isOurs);
    removeFiles();
  }

  /**
   * Ends the job behind that very socket, if it is still there, as {@link #end()} does. Files that
   * it leaves are left: the ones of another job may be there by now.
   */
  void end(Path socket) throws SourceException {
    if (runs(socket)) {
      end(socket.toString()::equals);
    }
  }

  private void end(Predicate<String> socket) throws SourceException {
    long deadline = System.nanoTime() + END_MAX.toNanos();
    Duration pause = PAUSE_MIN;
    Optional<String> running = control.backupJob(uuid);
    while (running.isPresent() && socket.test(BackupJob.socketOf(running.get()))) {
      if (System.nanoTime() - deadline > 0) {
        throw new SourceException(
            SourceException.Kind.FAILED,
            "the backup job does not end; run: virsh domjobabort " + uuid);
      }
      control.abort(uuid);
      pause(pause);
      pause = pause.compareTo(PAUSE_MAX) < 0 ? pause.multipliedBy(2) : PAUSE_MAX;
      running = control.backupJob(uuid);
    }
    // Asked last: it may have stopped between the job's last word and its end.
    wake();
  }

  /**
   * Lets a guest go on that stands still because something could not be read or written: a job of
   * ours may be what took the room, and who ended that may have died before it came to this. Where
   * there is none still, the guest stops again at once.
   *
   * @return the state it is in then
   */
  HypervisorControl.State wake() throws SourceException {
    HypervisorControl.State state = control.state(uuid);
    if (state == HypervisorControl.State.PAUSED_IO_ERROR) {
      log.warn("{}: stood still for want of room, goes on now", uuid);
      control.resume(uuid);
      pause(WOKEN);
      state = control.state(uuid);
    }
    return state;
  }

  /**
   * Ends the job behind that socket as soon as it has begun: libvirt goes on with a beginning that
   * nobody waits for any more. In the middle of that it is not asked to abort it.
   *
   * @param begun whether a job that libvirt tells of has
   * @return whether there was one
   * @throws SourceException when it cannot be said that there is none, or it cannot be ended
   */
  boolean endLate(Path socket, BooleanSupplier begun) throws SourceException {
    long since = System.nanoTime();
    long busy = since;
    while (true) {
      boolean over = System.nanoTime() - since > LATE_MAX.toNanos();
      boolean quiet = false;
      try {
        Optional<String> running = control.backupJob(uuid);
        boolean ours =
            running.isPresent() && BackupJob.socketOf(running.get()).equals(socket.toString());
        if (ours && begun.getAsBoolean()) {
          end();
          return true;
        }
        quiet = !ours && (running.isPresent() || control.operation(uuid).isEmpty());
      } catch (SourceException e) {
        boolean passes =
            e.kind() == SourceException.Kind.UNREACHABLE || e.kind() == SourceException.Kind.LOCKED;
        if (over || !passes) {
          throw e;
        }
      }
      if (!quiet && over) {
        throw new SourceException(
            SourceException.Kind.LOCKED, "libvirt is busy with the domain all the time");
      }
      busy = quiet ? busy : System.nanoTime();
      if (System.nanoTime() - busy > QUEUED_MAX.toNanos()) {
        return false;
      }
      pause(LATE_PAUSE);
    }
  }

  static void pause() throws SourceException {
    pause(PAUSE_MAX);
  }

  static void pause(Duration pause) throws SourceException {
    try {
      Thread.sleep(pause);
    } catch (InterruptedException e) {
      throw new SourceException(
          SourceException.Kind.FAILED, "interrupted while a backup job ended", e);
    }
  }

  /** QEMU leaves its socket when the guest ends during the job, libvirt removes the rest. */
  private void removeFiles() {
    if (!Files.isDirectory(scratch)) {
      return;
    }
    try (DirectoryStream<Path> left = Files.newDirectoryStream(scratch, prefix + "*")) {
      for (Path file : left) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      log.warn("{}: files of an ended backup job stay: {}", scratch, e.toString());
    }
  }
}
