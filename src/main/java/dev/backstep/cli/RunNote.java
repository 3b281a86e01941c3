package dev.backstep.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A note in the home folder of which process runs a backup or task, so that {@code stop} reaches it
 * also while that process has the embedded database to itself. Of no use to anything else: leases
 * say who owns a backup.
 */
record RunNote(Path home, String id) {

  private static final Logger log = LoggerFactory.getLogger(RunNote.class);

  /** The kernel's clock gives a process's start no more exactly than this. */
  private static final Duration START_TOLERANCE = Duration.ofSeconds(2);

  /** The note of one; its id is safe in a path when it is one at all. */
  static Optional<RunNote> of(Path home, String id) {
    boolean safe = id.matches("[a-z]{1,20}-[A-Za-z0-9._-]{1,200}");
    return safe && (id.startsWith("backup-") || TaskWatch.isOne(id))
        ? Optional.of(new RunNote(home, id))
        : Optional.empty();
  }

  Path file() {
    return home.resolve("run").resolve(id + ".running");
  }

  /**
   * Notes this process, in a home that is there. Without a note everything works but {@code stop}
   * from outside.
   */
  void write() {
    if (!Files.isDirectory(home)) {
      return;
    }
    ProcessHandle self = ProcessHandle.current();
    try {
      Files.createDirectories(home.resolve("run"));
      Files.writeString(file(), self.pid() + " " + start(self).orElse(Instant.EPOCH));
    } catch (IOException e) {
      log.warn(
          "{} cannot be written, so `backstep stop` cannot reach this run: {}", file(), e + "");
    }
  }

  void remove() {
    try {
      Files.deleteIfExists(file());
    } catch (IOException e) {
      log.warn("{} cannot be removed: {}", file(), e + "");
    }
  }

  /** The process that the note names, if that very process still runs. */
  Optional<ProcessHandle> process() {
    try {
      String[] words = Files.readString(file()).strip().split(" ", 2);
      Instant noted = Instant.parse(words[1]);
      return ProcessHandle.of(Long.parseLong(words[0])).filter(process -> isThat(process, noted));
    } catch (IOException | RuntimeException e) {
      return Optional.empty(); // no note, or a torn one: nothing to reach
    }
  }

  private static boolean isThat(ProcessHandle process, Instant noted) {
    return process.isAlive()
        && start(process)
            .map(start -> Duration.between(noted, start).abs().compareTo(START_TOLERANCE) <= 0)
            .orElse(false);
  }

  private static Optional<Instant> start(ProcessHandle process) {
    return process.info().startInstant();
  }
}
