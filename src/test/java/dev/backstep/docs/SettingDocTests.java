package dev.backstep.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.job.JobSettings;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.context.annotation.ClassPathScanningCandidateComponentProvider;
import org.springframework.core.type.filter.AnnotationTypeFilter;

/** What {@code docs/configuration.md} says of settings and variables: names and defaults. */
class SettingDocTests {

  private static final Pattern VARIABLE = Pattern.compile("\\bBACKSTEP_[A-Z_]*[A-Z]\\b");

  /** Of others, looked at by us. */
  private static final Set<String> OF_OTHERS = Set.of("XDG_STATE_HOME", "JAVA_HOME", "JAVA25_HOME");

  @Test
  void namesEverySettingOfServersWithItsDefault() throws ClassNotFoundException {
    Map<String, String> settings = new TreeMap<>();
    ClassPathScanningCandidateComponentProvider classes =
        new ClassPathScanningCandidateComponentProvider(false);
    classes.addIncludeFilter(new AnnotationTypeFilter(ConfigurationProperties.class));
    for (var found : classes.findCandidateComponents("dev.backstep")) {
      Class<?> type = Class.forName(found.getBeanClassName());
      String prefix = type.getAnnotation(ConfigurationProperties.class).value();
      if (!type.equals(JobSettings.class)) {
        assertThat(prefix).as(type.getName()).isEqualTo("backstep.server");
        settings.putAll(settings(prefix, type));
      }
    }

    Map<String, String> documented = ConfigurationPage.defaults("Server settings");
    documented.keySet().removeIf(name -> !name.startsWith("backstep."));
    assertThat(documented).isEqualTo(settings).hasSizeGreaterThan(10);
  }

  private static Map<String, String> settings(String prefix, Class<?> type) {
    Map<String, String> settings = new TreeMap<>();
    for (RecordComponent component : type.getRecordComponents()) {
      settings.put(
          prefix + "." + component.getName().replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT),
          usual(type, component));
    }
    return settings;
  }

  /** Without one a server that says nothing would not start. */
  private static String usual(Class<?> type, RecordComponent component) {
    RecordComponent[] components = type.getRecordComponents();
    for (int i = 0; i < components.length; i++) {
      if (components[i].getName().equals(component.getName())) {
        DefaultValue value =
            type.getDeclaredConstructors()[0].getParameters()[i].getAnnotation(DefaultValue.class);
        return value == null ? "" : String.join(",", value.value());
      }
    }
    throw new AssertionError(component);
  }

  @Test
  void namesEveryVariableAndNoOther() throws IOException {
    Set<String> variables = new TreeSet<>(durations().keySet());
    String sources = sources();
    variables.addAll(ConfigurationPage.matches(sources, VARIABLE));
    variables.add("BACKSTEP_HOME");

    assertThat(variables).contains("BACKSTEP_DB_URL", "BACKSTEP_LEASE_TTL");
    assertThat(OF_OTHERS).allSatisfy(name -> assertThat(sources).contains(name));
    variables.addAll(OF_OTHERS);
    assertThat(ConfigurationPage.rows("Environment")).isEqualTo(variables);
  }

  @Test
  void namesTheDefaultOfEachDuration() {
    assertThat(ConfigurationPage.defaults("Environment")).containsAllEntriesOf(durations());
  }

  private static Map<String, String> durations() {
    Map<String, String> durations = new TreeMap<>();
    for (RecordComponent component : JobSettings.class.getRecordComponents()) {
      String usual = usual(JobSettings.class, component);
      if (!usual.isEmpty()) {
        String name = component.getName().replaceAll("([A-Z])", "_$1").toUpperCase(Locale.ROOT);
        durations.put("BACKSTEP_" + name, usual);
      }
    }
    assertThat(durations).hasSizeGreaterThanOrEqualTo(3);
    return durations;
  }

  private static String sources() throws IOException {
    StringBuilder text = new StringBuilder();
    for (String folder : new String[] {"src/main", "ops"}) {
      try (Stream<Path> files = Files.walk(Path.of(folder))) {
        for (Path file : files.filter(Files::isRegularFile).toList()) {
          text.append(Files.readString(file)).append('\n');
        }
      }
    }
    return text.toString();
  }
}
