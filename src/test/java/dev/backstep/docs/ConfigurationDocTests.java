package dev.backstep.docs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.backstep.cli.CommandLineProgram;
import dev.backstep.cli.Stopping;
import dev.backstep.cli.Terminal;
import dev.backstep.job.JobSettings;
import dev.backstep.job.definition.JobDefinitionException;
import dev.backstep.job.definition.JobDefinitions;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code docs/configuration.md} names what the program knows, and nothing else. */
class ConfigurationDocTests {

  private static final Path PAGE = Path.of("docs", "configuration.md");
  private static final Pattern HEADING = Pattern.compile("(?m)^(?=##+ )");
  private static final Pattern CODE = Pattern.compile("`([^`]+)`");
  private static final Pattern OPTION = Pattern.compile("(?<![\\w-])--[a-z][a-z-]*");
  private static final Pattern COMMAND = Pattern.compile("(?m)^  ([a-z]+) {2,}\\S");
  private static final Pattern VARIABLE = Pattern.compile("\\bBACKSTEP_[A-Z_]*[A-Z]\\b");

  /** One unknown field in each mapping makes the parser tell the fields that it knows. */
  private static final String UNKNOWN_FIELDS =
      """
      vm: a
      source: { type: %s, disks: [ { key: a, %s, zz: 1 } ], zz: 1 }
      repository: /r
      schedule: { cron: "0 0 1 * * ?", zz: 1 }
      retention: { last: 1, zz: 1 }
      copies: [ { repository: /c, zz: 1 } ]
      replicate: { folder: /t, zz: 1 }
      verify: { zz: 1 }
      zz: 1
      """;

  @ParameterizedTest
  @CsvSource({
    "Top level,            a job definition, image, path: /a",
    "Source,               a source,         image, path: /a",
    "Source of type libvirt, a source,       libvirt, path: /a",
    "Disk of type image,   a disk,           image, path: /a",
    "Disk of type nbd,     a disk,           nbd,   uri: nbd://h/a",
    "Source of type qmp,   a source,         qmp,   node: a",
    "Disk of type qmp,     a disk,           qmp,   node: a",
    "Source of type vsphere, a source,       vsphere, path: /a",
    "Schedule,             a schedule,       image, path: /a",
    "Retention,            a retention,      image, path: /a",
    "Verify,               a verification,   image, path: /a",
    "Copies,               a copy,           image, path: /a",
    "Replication,          a replication,    image, path: /a"
  })
  void namesEveryFieldOfADefinition(String section, String mapping, String type, String place) {
    assertThat(rows(section))
        .as(section)
        .isEqualTo(accepted(UNKNOWN_FIELDS.formatted(type, place), mapping));
  }

  @ParameterizedTest
  @ValueSource(strings = {"level", "cbt-reset", "compression", "misfire", "format", "type"})
  void namesEveryAcceptedWord(String field) {
    String definition =
        """
        vm: a
        source: { type: %s, disks: [ { key: a, path: /a, format: %s } ] }
        repository: /r
        level: %s
        cbt-reset: %s
        compression: %s
        schedule: { cron: "0 0 1 * * ?", misfire: %s }
        """;
    List<String> values =
        Stream.of("type", "format", "level", "cbt-reset", "compression", "misfire")
            .map(name -> name.equals(field) ? "zz" : right(name))
            .toList();

    String message = problem(definition.formatted(values.toArray()), "'" + field + "' is 'zz'");

    assertThat(Set.of(message.replaceFirst("(?s).*one of: ", "").split(", ")))
        .hasSizeGreaterThan(1)
        .allSatisfy(word -> assertThat(row(field)).contains("`" + word + "`"));
  }

  @Test
  void namesEveryCommandWithItsOptions() {
    String root = help();
    Set<String> common = options(help("list", "--help"));
    common.retainAll(options(root));
    List<List<String>> commands = commands(List.of(), root);

    assertThat(commands).hasSizeGreaterThan(10);
    assertThat(codes(section("Every command"), OPTION)).isEqualTo(common);
    for (List<String> command : commands) {
      Set<String> own = command.equals(List.of("help")) ? Set.of() : own(command, common);
      assertThat(codes(section("`" + String.join(" ", command)), OPTION))
          .as(String.join(" ", command))
          .isEqualTo(own);
    }
  }

  @Test
  void namesEveryExitCode() {
    Set<String> codes = new TreeSet<>();
    Pattern.compile("(?m)^  ([0-9]+) {2,}")
        .matcher(help())
        .results()
        .forEach(result -> codes.add(result.group(1)));

    assertThat(codes).contains("0", "130");
    assertThat(codes)
        .allSatisfy(code -> assertThat(section("Exit codes")).contains("| " + code + " |"));
  }

  @Test
  void namesEveryVariableAndSetting() {
    Set<String> variables = new TreeSet<>();
    Stream.of("src/main", "ops")
        .flatMap(folder -> files(Path.of(folder)))
        .forEach(file -> variables.addAll(matches(read(file), VARIABLE)));
    Stream.of(JobSettings.class.getRecordComponents())
        .map(component -> component.getName().replaceAll("([A-Z])", "_$1"))
        .forEach(name -> variables.add("BACKSTEP_" + name.toUpperCase(Locale.ROOT)));

    assertThat(variables).contains("BACKSTEP_HOME", "BACKSTEP_DB_URL", "BACKSTEP_LEASE_TTL");
    assertThat(rows("Environment")).containsAll(variables);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "schedule.ScheduleSettings",
        "api.EventSettings",
        "job.external.ExternalSettings",
        "job.retention.RetentionSettings"
      })
  void namesEverySettingOfServers(String settings) throws ClassNotFoundException {
    assertThat(Class.forName("dev.backstep." + settings).getRecordComponents())
        .isNotEmpty()
        .allSatisfy(component ->
            assertThat(rows("Server settings"))
                .contains(
                    "backstep.server."
                        + component
                            .getName()
                            .replaceAll("([A-Z])", "-$1")
                            .toLowerCase(Locale.ROOT)));
  }

  private static String right(String field) {
    return switch (field) {
      case "type" -> "image";
      case "format" -> "raw";
      case "misfire" -> "skip";
      case "compression" -> "none";
      default -> "full";
    };
  }

  private static Set<String> accepted(String definition, String mapping) {
    String message = problem(definition, "'zz' in " + mapping + "; accepted: ");
    return new TreeSet<>(
        List.of(message.replaceFirst(".*accepted: ", "").replaceFirst(";.*", "").split(", ")));
  }

  private static String problem(String definition, String part) {
    return catchThrowableOfType(JobDefinitionException.class, () -> JobDefinitions.read(definition))
        .problems()
        .stream()
        .map(JobDefinitionException.Problem::text)
        .filter(text -> text.contains(part))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no problem says " + part));
  }

  private static Set<String> own(List<String> command, Set<String> common) {
    List<String> arguments = new ArrayList<>(command);
    arguments.add("--help");
    Set<String> own = options(help(arguments.toArray(String[]::new)));
    own.removeAll(common);
    return own;
  }

  /** Every command below one, in the words that are typed. */
  private static List<List<String>> commands(List<String> path, String help) {
    List<List<String>> found = new ArrayList<>();
    int start = help.indexOf("Commands:");
    if (start >= 0) {
      COMMAND
          .matcher(help.substring(start))
          .results()
          .forEach(result -> {
            List<String> command = new ArrayList<>(path);
            command.add(result.group(1));
            found.add(command);
            List<String> arguments = new ArrayList<>(command);
            arguments.add("--help");
            if (!command.equals(List.of("help"))) {
              found.addAll(commands(command, help(arguments.toArray(String[]::new))));
            }
          });
    }
    return found;
  }

  private static String help(String... arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PrintStream stream = new PrintStream(out, true, StandardCharsets.UTF_8);
    Terminal terminal = new Terminal(stream, stream, false, 100);
    String[] words = arguments.length == 0 ? new String[] {"--help"} : arguments;
    new CommandLineProgram(
            terminal,
            (home, runsJobs, verbose) -> {
              throw new AssertionError("help starts nothing");
            },
            (settings, stopped, tell) -> {
              throw new AssertionError("help starts nothing");
            },
            new Stopping(),
            Clock.systemUTC())
        .run(words);
    return out.toString(StandardCharsets.UTF_8);
  }

  /** The options that a help text explains: those that begin a line. */
  private static Set<String> options(String help) {
    return help.lines()
        .filter(line -> line.matches(" +-.*"))
        .flatMap(line -> matches(line, OPTION).stream().limit(1))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  /** The names in the first column of a section's tables. */
  private static Set<String> rows(String section) {
    return section(section)
        .lines()
        .filter(line -> line.startsWith("| `"))
        .map(line -> line.substring(3, line.indexOf('`', 3)))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static String row(String field) {
    return read(PAGE)
        .lines()
        .filter(line -> line.startsWith("| `" + field + "` |"))
        .findFirst()
        .orElse("no row for " + field);
  }

  private static Set<String> codes(String section, Pattern pattern) {
    return section
        .lines()
        .filter(line -> line.startsWith("| `"))
        .map(line -> line.substring(0, line.indexOf('|', 1)))
        .flatMap(cell -> matches(cell, CODE).stream())
        .flatMap(code -> matches(code, pattern).stream())
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static String section(String title) {
    return HEADING
        .splitAsStream(read(PAGE))
        .filter(part -> part.matches("(?s)##+ " + Pattern.quote(title) + "(`| [A-Z|`]|\\n).*"))
        .findFirst()
        .orElse("");
  }

  private static Set<String> matches(String text, Pattern pattern) {
    return pattern
        .matcher(text)
        .results()
        .map(java.util.regex.MatchResult::group)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static Stream<Path> files(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(Files::isRegularFile).toList().stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
