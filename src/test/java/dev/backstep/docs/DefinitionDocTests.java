package dev.backstep.docs;

import static dev.backstep.docs.ConfigurationPage.row;
import static dev.backstep.docs.ConfigurationPage.rows;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.job.definition.JobDefinitionException;
import dev.backstep.job.definition.JobDefinitions;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.StringJoiner;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code docs/configuration.md} says of job definitions: fields, words and defaults. */
class DefinitionDocTests {

  /** All about job definitions that have a table, and the one that has none. */
  static final List<String> SECTIONS =
      List.of(
          "Top level",
          "Audit of change tracking",
          "Verify",
          "Restore test",
          "Source",
          "Source of type libvirt",
          "Source of type qmp",
          "Disk of type qmp",
          "Disk of type image",
          "Disk of type nbd",
          "Source of type vsphere",
          "Schedule",
          "Retention",
          "Immutable restore points",
          "Copies",
          "Replication");

  /** One unknown field in each mapping makes the parser tell the fields that it knows. */
  private static final String UNKNOWN_FIELDS =
      """
      vm: a
      source: { type: %s, disks: [ { key: a, %s, zz: 1 } ], zz: 1 }
      repository: /r
      cbt-audit: { zz: 1 }
      schedule: { cron: "0 0 1 * * ?", zz: 1 }
      retention: { last: 1, zz: 1 }
      copies: [ { repository: /c, zz: 1 } ]
      replicate: { folder: /t, zz: 1 }
      verify: { zz: 1 }
      restore-test: { zz: 1 }
      zz: 1
      """;

  /** Whose reader puts its defaults in where the disk is opened, not before. */
  private static final String OF_ITS_DISK = "Disk of type nbd";

  /** The sources that read their own fields, by their types. */
  private static final Map<String, String> READERS =
      Map.of(
          "libvirt", "libvirt.LibvirtSettings",
          "qmp", "qmp.QmpSettings",
          "vsphere", "vsphere.VsphereSettings");

  private static final List<Base> BASES =
      List.of(
          Base.of("Top level", "%s"),
          Base.of("Audit of change tracking", "cbt-audit: { %s }"),
          Base.of("Verify", "verify: { share: 5, %s }"),
          Base.of("Restore test", "restore-test: { console: x, %s }"),
          Base.of("Schedule", "schedule: { cron: \"0 0 1 * * ?\", %s }"),
          Base.of("Retention", "retention: { yearly: 3, %s }", "yearly"),
          Base.of("Retention", "retention: { last: 3, %s }", "last"),
          Base.of(
              "Source of type libvirt", "source: { type: libvirt, domain: a, %s }", "allow-empty"),
          Base.of(
              "Source of type libvirt",
              "source: { type: libvirt, select-name: x, %s }",
              "uri",
              "scratch",
              "scratch-room-mib",
              "connections",
              "quiesce",
              "hook-limit-seconds"),
          Base.of(
              "Source of type qmp",
              "source: { type: qmp, socket: /s, disks: [ { key: a, node: a } ], %s }"),
          Base.of(
              "Source of type vsphere",
              "source: { type: vsphere, server: s, user: u, password-file: /p, name: n, %s }"));

  @ParameterizedTest
  @CsvSource({
    "Top level,            a job definition, image, path: /a",
    "Audit of change tracking, an audit of change tracking, image, path: /a",
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
    "Restore test,         a restore test,   image, path: /a",
    "Copies,               a copy,           image, path: /a",
    "Replication,          a replication,    image, path: /a"
  })
  void namesEveryFieldOfADefinition(String section, String mapping, String type, String place) {
    assertThat(rows(section))
        .as(section)
        .isEqualTo(accepted(UNKNOWN_FIELDS.formatted(type, place), mapping));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"level", "cbt-reset", "compression", "checksum", "misfire", "format", "type"})
  void namesEveryAcceptedWord(String field) {
    String definition =
        """
        vm: a
        source: { type: %s, disks: [ { key: a, path: /a, format: %s } ] }
        repository: /r
        level: %s
        cbt-reset: %s
        compression: %s
        checksum: %s
        schedule: { cron: "0 0 1 * * ?", misfire: %s }
        """;
    List<String> values =
        Stream.of("type", "format", "level", "cbt-reset", "compression", "checksum", "misfire")
            .map(name -> name.equals(field) ? "zz" : right(name))
            .toList();

    String message = problem(definition.formatted(values.toArray()), "'" + field + "' is 'zz'");

    assertThat(Set.of(message.replaceFirst("(?s).*one of: ", "").split(", ")))
        .hasSizeGreaterThan(1)
        .allSatisfy(word -> assertThat(row(field)).contains("`" + word + "`"));
  }

  /** One that is written out makes the same definition as none. */
  @ParameterizedTest
  @FieldSource("BASES")
  void namesTheDefaultOfAField(Base base) throws ReflectiveOperationException {
    Map<String, String> defaults = ConfigurationPage.defaults(base.section());
    Object without = meant(base.with(""));
    List<String> tried = new ArrayList<>();

    for (Map.Entry<String, String> field : defaults.entrySet()) {
      if (!base.leftOut().contains(field.getKey())) {
        String written = base.with(field.getKey() + ": \"" + field.getValue() + "\"");
        assertThat(meant(written)).as(written).isEqualTo(without);
        tried.add(field.getKey());
      }
    }
    assertThat(tried).isNotEmpty();
  }

  @Test
  void comparesTheDefaultsOfEverySection() {
    Set<String> withDefaults = new TreeSet<>(SECTIONS);
    withDefaults.removeIf(section -> ConfigurationPage.defaults(section).isEmpty());
    Set<String> compared = new TreeSet<>();
    BASES.forEach(base -> compared.add(base.section()));
    compared.add(OF_ITS_DISK);

    assertThat(withDefaults).isEqualTo(compared);
  }

  /** What a definition says when each source's own reader has put in what is not said. */
  private static Object meant(String text) throws ReflectiveOperationException {
    JobDefinition definition = JobDefinitions.read(text);
    SourceDefinition source = definition.source();
    String reader = READERS.get(source.type());
    if (reader == null || source.isSelection()) {
      return definition;
    }
    Method of =
        Class.forName("dev.backstep.source." + reader)
            .getDeclaredMethod("of", SourceDefinition.class);
    of.setAccessible(true);
    return of.invoke(null, source);
  }

  /**
   * A definition to which fields of a section are added.
   *
   * @param text with {@code %s} where a field goes
   * @param leftOut fields that cannot be added to this one
   */
  record Base(String section, String text, Set<String> leftOut) {

    static Base of(String section, String line, String... leftOut) {
      String source = "source: { type: image, disks: [ { key: a, path: /a } ] }";
      String schedule = "schedule: { cron: \"0 0 1 * * ?\" }";
      StringJoiner lines = new StringJoiner("\n", "", "\n").add("vm: a").add("repository: /r");
      Stream.of(source, schedule)
          .filter(usual -> !line.startsWith(usual.substring(0, usual.indexOf(':'))))
          .forEach(lines::add);
      return new Base(section, lines.add(line).toString(), Set.of(leftOut));
    }

    String with(String field) {
      return text.formatted(field);
    }
  }

  private static String right(String field) {
    return switch (field) {
      case "type" -> "image";
      case "format" -> "raw";
      case "misfire" -> "skip";
      case "compression" -> "none";
      case "checksum" -> "crc32c";
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
}
