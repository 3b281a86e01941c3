package dev.backstep.catalog;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A process, told apart from every other one, past or present.
 *
 * @param host the host's name and, where it has one, the start of its machine id, since many hosts
 *     are called {@code localhost}
 * @param start {@code <boot id>/<pid namespace>/<start time>}; the start time is in clock ticks
 *     since the boot, as in {@code /proc/<pid>/stat} field 22 (proc(5))
 */
public record ProcessIdentity(String host, long processId, String start) {

  private static final Path PROC = Path.of("/proc");
  private static final int MACHINE_ID_LENGTH = 12;

  /**
   * This process.
   *
   * @throws UncheckedIOException when /proc is not readable
   */
  public static ProcessIdentity current() {
    long processId = ProcessHandle.current().pid();
    try {
      return new ProcessIdentity(thisHost(), processId, startOf(processId));
    } catch (IOException e) {
      throw new UncheckedIOException(
          "cannot read the start of process " + processId + " in /proc; Backstep needs Linux's", e);
    }
  }

  /**
   * Whether this process is known to be gone: it was started on this host and does not run any
   * more. False also means "cannot tell from here": another host, another container.
   */
  boolean isGone() {
    try {
      if (!host.equals(thisHost())) {
        return false;
      }
      String boot = start.substring(0, Math.max(0, start.lastIndexOf('/')));
      String bootId = boot.substring(0, Math.max(0, boot.indexOf('/')));
      if (!bootId.equals(bootId())) {
        return true;
      }
      return boot.equals(thisBoot())
          && !startTime(processId).map(time -> start.equals(boot + "/" + time)).orElse(false);
    } catch (IOException e) {
      return false;
    }
  }

  /** Whether it is known to run: on this host, and not gone. */
  public boolean isAlive() {
    try {
      return host.equals(thisHost()) && !isGone();
    } catch (IOException e) {
      return false;
    }
  }

  @Override
  public String toString() {
    return "process " + processId + " on " + host;
  }

  /** The {@link #start} of a process that runs on this host now. */
  static String startOf(long processId) throws IOException {
    return thisBoot()
        + "/"
        + startTime(processId)
            .orElseThrow(() -> new IOException("process " + processId + " does not run"));
  }

  private static String thisHost() throws IOException {
    Path hostName = PROC.resolve("sys/kernel/hostname");
    String name =
        Files.isReadable(hostName)
            ? Files.readString(hostName).strip()
            : InetAddress.getLocalHost().getHostName();
    Path machineId = Path.of("/etc/machine-id");
    String id = Files.isReadable(machineId) ? Files.readString(machineId).strip() : "";
    return id.isEmpty()
        ? name
        : name + "/" + id.substring(0, Math.min(MACHINE_ID_LENGTH, id.length()));
  }

  /** The boot and, since containers count processes on their own, the pid namespace. */
  private static String thisBoot() throws IOException {
    return bootId() + "/" + Files.readSymbolicLink(PROC.resolve("self/ns/pid"));
  }

  private static String bootId() throws IOException {
    return Files.readString(PROC.resolve("sys/kernel/random/boot_id")).strip();
  }

  /** Empty when no such process runs; a zombie does not. */
  private static Optional<String> startTime(long processId) throws IOException {
    String stat;
    try {
      stat = Files.readString(PROC.resolve(processId + "/stat"));
    } catch (IOException e) {
      if (Files.exists(PROC.resolve(String.valueOf(processId)))) {
        throw e;
      }
      return Optional.empty();
    }
    // Field 2 is the command in parentheses and may itself hold spaces and parentheses.
    String[] fromField3 = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    boolean dead = fromField3[0].equals("Z") || fromField3[0].equals("X");
    return dead ? Optional.empty() : Optional.of(fromField3[22 - 3]);
  }
}
