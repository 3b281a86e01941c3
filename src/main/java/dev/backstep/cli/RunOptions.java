package dev.backstep.cli;

import dev.backstep.domain.BootSettings;
import dev.backstep.domain.RunSettings;
import dev.backstep.job.OperatorException;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What {@code verify --run} runs. */
final class RunOptions {

  @Option(
      names = "--run",
      required = true,
      paramLabel = "COMMAND",
      description = {
        "Mounts the restore point's files for reading and runs this shell command there;",
        "its exit code is the verdict. Needs libguestfs."
      })
  private @Nullable String command;

  @Option(
      names = "--filesystem",
      paramLabel = "DEVICE",
      description = "With --run: of this file system, as `backstep files` names it.")
  private @Nullable String fileSystem;

  @Option(
      names = "--run-limit",
      paramLabel = "SECONDS",
      description = "For the command. Default: ${DEFAULT-VALUE}.")
  private int limit = (int) BootSettings.LIMIT.toSeconds();

  boolean asked() {
    return command != null;
  }

  /**
   * @throws OperatorException USAGE, saying what is wrong and what is accepted
   */
  RunSettings settings() {
    try {
      return new RunSettings(
          command == null ? "" : command,
          Optional.ofNullable(fileSystem),
          Duration.ofSeconds(limit));
    } catch (IllegalArgumentException e) {
      throw OperatorException.usage(String.valueOf(e.getMessage()), e);
    }
  }
}
