package dev.backstep.endtoend;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The program as a process of its own, through its launcher, as an operator starts it. */
public final class Program {

  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final Path folder;
  private final Path home;
  private final Map<String, String> settings;

  /**
   * @param folder working folder, with job definitions in {@code jobs/}
   */
  public Program(Path folder) {
    this(folder, Map.of());
  }

  /**
   * @param settings of the environment, as those of a database
   */
  public Program(Path folder, Map<String, String> settings) {
    this.folder = folder;
    this.home = folder.resolve("home");
    this.settings = Map.copyOf(settings);
  }

  /** How a command ended. */
  public record Result(int status, String output, String errors) {
    public JsonNode json() {
      return JSON.readTree(output);
    }
  }

  /** What a command printed with {@code --json}. */
  static JsonNode json(String output) {
    return JSON.readTree(output);
  }

  public Path home() {
    return home;
  }

  /** Starts a command. */
  public Process start(Path output, Path errors, String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of("ops", "backstep").toAbsolutePath().toString());
    command.addAll(List.of("--home", home.toString()));
    command.addAll(List.of(arguments));
    ProcessBuilder process =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectOutput(output.toFile())
            .redirectError(errors.toFile());
    process.environment().putAll(settings);
    return process.start();
  }

  /** Runs a command to its end. */
  public Result run(String... arguments) throws IOException, InterruptedException {
    Path output = Files.createTempFile(folder, "out", ".txt");
    Path errors = Files.createTempFile(folder, "err", ".txt");
    try {
      Process process = start(output, errors, arguments);
      if (!process.waitFor(120, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new AssertionError(
            String.join(" ", arguments) + " hangs:\n" + Files.readString(errors));
      }
      return new Result(process.exitValue(), Files.readString(output), Files.readString(errors));
    } finally {
      Files.delete(output);
      Files.delete(errors);
    }
  }

  /** Runs a command that must succeed. */
  Result succeed(String... arguments) throws IOException, InterruptedException {
    Result result = run(arguments);
    if (result.status() != 0) {
      throw new AssertionError(
          String.join(" ", arguments)
              + " ended with "
              + result.status()
              + ":\n"
              + result.output()
              + result.errors());
    }
    return result;
  }

  /** Processes whose command line names a file of this folder. */
  List<String> leftovers(String program) throws IOException {
    List<String> found = new ArrayList<>();
    Process ps = new ProcessBuilder("ps", "-eo", "pid,args").start();
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(ps.getInputStream(), StandardCharsets.UTF_8))) {
      lines
          .lines()
          .filter(line -> line.contains(program) && line.contains(folder.toString()))
          .forEach(found::add);
    }
    return found;
  }
}
