package dev.backstep.source;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Names a process for good: a process id is used again, a process id with its start time is not
 * until the next boot (proc(5), {@code /proc/<pid>/stat}, field 22).
 *
 * @param start clock ticks between boot and the process's start
 */
record ProcessRecord(long pid, long start) {

  private static final int START_FIELD_BEHIND_NAME = 19;

  /** The process of that id, if there is one. */
  static Optional<ProcessRecord> of(long pid) {
    try {
      String stat =
          new String(
              Files.readAllBytes(Path.of("/proc", String.valueOf(pid), "stat")),
              StandardCharsets.UTF_8);
      // The name in brackets may hold anything, brackets and spaces included.
      List<String> fields = List.of(stat.substring(stat.lastIndexOf(')') + 2).split(" "));
      if (fields.getFirst().equals("Z")) {
        return Optional.empty();
      }
      return Optional.of(
          new ProcessRecord(pid, Long.parseLong(fields.get(START_FIELD_BEHIND_NAME))));
    } catch (IOException | RuntimeException e) {
      return Optional.empty();
    }
  }

  boolean isAlive() {
    return of(pid).equals(Optional.of(this));
  }

  /** The form that {@link #parse} reads. */
  @Override
  public String toString() {
    return pid + ":" + start;
  }

  static ProcessRecord parse(String text) {
    String[] parts = text.split(":", 2);
    return new ProcessRecord(Long.parseLong(parts[0]), Long.parseLong(parts[1]));
  }
}
