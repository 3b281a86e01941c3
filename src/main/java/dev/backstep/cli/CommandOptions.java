package dev.backstep.cli;

import dev.backstep.job.definition.JobFolder;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** Options that every command takes, before or behind its name. */
final class CommandOptions {

  @Option(
      names = "--json",
      order = 90,
      scope = ScopeType.INHERIT,
      description = "Print the result as JSON, and nothing else, on standard output.")
  private boolean json;

  @Option(
      names = "--home",
      paramLabel = "DIR",
      order = 91,
      scope = ScopeType.INHERIT,
      description =
          "Folder of the embedded database and logs. Default: $$BACKSTEP_HOME, else backstep in the"
              + " user's state folder.")
  private @Nullable Path home;

  @Option(
      names = "--jobs",
      paramLabel = "DIR",
      order = 92,
      scope = ScopeType.INHERIT,
      description = "Folder of the job definitions. Default: jobs in the working folder.")
  private Path jobs = Path.of("jobs");

  @Option(
      names = {"-v", "--verbose"},
      order = 93,
      scope = ScopeType.INHERIT,
      description = "Print what happens, and stack traces of errors, on standard error.")
  private boolean verbose;

  boolean json() {
    return json;
  }

  boolean verbose() {
    return verbose;
  }

  /** Absolute. */
  Path jobs() {
    return jobs.toAbsolutePath().normalize();
  }

  JobFolder jobFolder() {
    return new JobFolder(jobs);
  }

  /** Absolute. */
  Path home() {
    return (home == null ? home(System.getenv(), System.getProperty("user.home")) : home)
        .toAbsolutePath()
        .normalize();
  }

  /** Where state lives when no option says so. */
  static Path home(Map<String, String> environment, String userHome) {
    String own = environment.getOrDefault("BACKSTEP_HOME", "");
    if (!own.isBlank()) {
      return Path.of(own);
    }
    String state = environment.getOrDefault("XDG_STATE_HOME", "");
    return (state.isBlank() ? Path.of(userHome, ".local", "state") : Path.of(state))
        .resolve("backstep");
  }
}
