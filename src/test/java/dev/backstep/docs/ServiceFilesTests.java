package dev.backstep.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.Backstep;
import dev.backstep.job.OperatorException;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.env.YamlPropertySourceLoader;
import org.springframework.core.env.EnumerablePropertySource;
import org.springframework.core.io.FileSystemResource;

/** What an operator copies from {@code ops} says what the program does. */
class ServiceFilesTests {

  private static final Path UNIT = Path.of("ops", "systemd", "backstep.service");

  /** A row of the configuration's table of settings: name and default. */
  private static final Pattern ROW =
      Pattern.compile("(?m)^\\| `(backstep\\.server\\.[a-z-]+|server\\.[a-z]+)` \\| `([^`]+)` \\|");

  @Test
  void unitIsOneThatSystemdAccepts(@TempDir Path folder) throws Exception {
    Path unit = folder.resolve("backstep.service");
    String text =
        Files.readString(UNIT).replace("/opt/backstep", Path.of("").toAbsolutePath() + "");
    Files.writeString(unit, text);
    Process process =
        new ProcessBuilder("systemd-analyze", "verify", "--man=no", unit.toString())
            .redirectErrorStream(true)
            .start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

    assertThat(process.waitFor()).as(said).isZero();
    assertThat(said).doesNotContain("backstep.service");
  }

  @Test
  void unitWaitsLongerForTheEndThanTheProgramTakes() throws Exception {
    Field most = Backstep.class.getDeclaredField("STOP_SECONDS_MAX");
    most.setAccessible(true);
    String seconds = Files.readString(UNIT).replaceAll("(?s).*TimeoutStopSec=(\\d+).*", "$1");

    assertThat(Long.parseLong(seconds)).isGreaterThan(most.getLong(null));
  }

  @Test
  void unitRunsACommandThatThereIs() throws Exception {
    List<String> words = List.of(setting("ExecStart").split(" "));
    List<String> options = words.stream().filter(word -> word.startsWith("-")).toList();
    Set<String> known = CommandHelp.options(CommandHelp.text(words.get(1), "--help"));

    assertThat(words.getFirst()).endsWith("/ops/backstep");
    assertThat(CommandHelp.commands()).contains(List.of(words.get(1)));
    assertThat(options).isNotEmpty();
    assertThat(known).containsAll(options);
  }

  /** One that no repetition mends is not repeated, and what a server ends with is known. */
  @Test
  void unitKnowsTheExitCodes() throws Exception {
    Set<String> codes = new TreeSet<>(List.of(setting("RestartPreventExitStatus").split(" ")));

    assertThat(CommandHelp.exitCodes()).containsAll(codes);
    assertThat(codes)
        .containsExactly(
            String.valueOf(OperatorException.Kind.USAGE.exitCode()),
            String.valueOf(OperatorException.Kind.BUSY.exitCode()));
    assertThat(Files.readString(UNIT))
        .as("a server that is stopped ends with 0")
        .doesNotContain("SuccessExitStatus");
  }

  @Test
  void unitSetsVariablesThatTheProgramReads() throws Exception {
    String unit = Files.readString(UNIT);
    Set<String> named =
        ConfigurationPage.matches(unit, Pattern.compile("\\bBACKSTEP_[A-Z_]*[A-Z]\\b"));

    assertThat(named).contains("BACKSTEP_HOME");
    assertThat(ConfigurationPage.rows("Environment")).containsAll(named);
    assertThat(setting("Environment")).isEqualTo("BACKSTEP_HOME=" + setting("WorkingDirectory"));
    assertThat(setting("WorkingDirectory")).isEqualTo("/var/lib/" + setting("StateDirectory"));
  }

  @Test
  void unitsHeadNamesFilesThatThereAre() throws Exception {
    Set<String> files =
        ConfigurationPage.matches(
            Files.readString(UNIT),
            Pattern.compile("(?<=/opt/backstep/|cp )(ops|docs)/[\\w./-]*\\w"));

    assertThat(files).contains("ops/build", "ops/backstep", "docs/operations.md");
    assertThat(files).allSatisfy(file -> assertThat(Path.of(file)).exists());
  }

  private static String setting(String name) throws IOException {
    List<String> values =
        Files.readAllLines(UNIT).stream()
            .filter(line -> line.startsWith(name + "="))
            .map(line -> line.substring(name.length() + 1))
            .toList();
    assertThat(values).as(name).hasSize(1);
    return values.getFirst();
  }

  @Test
  void sampleHasEachSettingWithItsDefault() throws Exception {
    Map<String, String> documented = new TreeMap<>();
    ROW.matcher(Files.readString(Path.of("docs", "configuration.md")))
        .results()
        .forEach(row -> documented.put(row.group(1), row.group(2)));

    Map<String, String> sample = new TreeMap<>();
    for (var source :
        new YamlPropertySourceLoader()
            .load("sample", new FileSystemResource(Path.of("ops", "config", "backstep.yaml")))) {
      EnumerablePropertySource<?> properties = (EnumerablePropertySource<?>) source;
      for (String name : properties.getPropertyNames()) {
        sample.put(name, String.valueOf(properties.getProperty(name)));
      }
    }
    sample.remove("logging.threshold.console");

    assertThat(sample).isEqualTo(documented).hasSizeGreaterThan(10);
  }
}
