package dev.backstep.domain;

import java.time.Duration;
import java.util.Optional;

/**
 * A command that says whether the files of a restore point are what they should be: its exit code
 * is the verdict.
 *
 * @param command for a shell, in the folder where the files are mounted
 * @param fileSystem the one that is meant, as libguestfs calls it; without it the one operating
 *     system that is there, with all that it mounts, or the only file system
 * @param limit for the command
 */
public record RunSettings(String command, Optional<String> fileSystem, Duration limit) {

  /**
   * @throws IllegalArgumentException saying which setting is wrong, and what is accepted
   */
  public RunSettings {
    if (command.isBlank()) {
      throw new IllegalArgumentException("'run' is blank; expected a command for a shell");
    }
    if (limit.isNegative() || limit.isZero() || limit.compareTo(Duration.ofDays(1)) > 0) {
      throw new IllegalArgumentException("'limit' is '" + limit + "'; expected 1 second to 1 day");
    }
  }
}
