package dev.backstep.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.Backstep;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
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
