package dev.backstep.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.domain.JobDefinition;
import dev.backstep.job.definition.JobDefinitions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** What pages show of job files is read by the reader of job files. */
class ExampleDocTests {

  /** A block of YAML with what it is indented by. */
  private static final Pattern BLOCK = Pattern.compile("(?ms)^( *)```yaml\\n(.*?)^ *```$");

  /** One line in code that begins as a field of a definition does. */
  private static final String FIELDS =
      ConfigurationPage.rows("Top level").stream().collect(Collectors.joining("|"));

  private static final Pattern LINE = Pattern.compile("`((?:" + FIELDS + "): [^`]+)`");

  /** Of other programs' configuration. */
  private static final Pattern FOREIGN = Pattern.compile("(?m)^scrape_configs:");

  private static final String FRAME =
      """
      vm: web
      source: { type: image, disks: [ { key: vda, path: /vms/web/root.qcow2 } ] }
      repository: /backups
      schedule: { cron: "0 0 1 * * ?" }
      """;

  @TempDir Path folder;

  @TestFactory
  Stream<DynamicTest> blocksAreDefinitionsOrPartsOfOne() throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    for (Path page : pages()) {
      for (MatchResult block : BLOCK.matcher(Files.readString(page)).results().toList()) {
        String text = block.group(2).replaceAll("(?m)^" + block.group(1), "");
        if (!FOREIGN.matcher(text).find()) {
          tests.add(
              DynamicTest.dynamicTest(
                  page + ": " + text.lines().findFirst().orElseThrow(),
                  () -> assertThat(read(text)).isNotEmpty()));
        }
      }
    }
    assertThat(tests).hasSizeGreaterThan(5);
    return tests.stream();
  }

  @TestFactory
  Stream<DynamicTest> linesAreFieldsOfADefinition() throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    for (Path page : pages()) {
      for (MatchResult line : LINE.matcher(Files.readString(page)).results().toList()) {
        if (!line.group(1).startsWith("source:")) {
          tests.add(
              DynamicTest.dynamicTest(
                  page + ": " + line.group(1),
                  () -> assertThat(read(line.group(1) + "\n")).hasSize(1)));
        }
      }
    }
    assertThat(tests).hasSizeGreaterThan(5);
    return tests.stream();
  }

  @Test
  void sampleIsADefinitionAndSoIsWhatItHasInComments() throws IOException {
    String sample = Files.readString(Path.of("jobs", "example.yaml.sample"));

    assertThat(read(sample)).hasSize(1);
    assertThat(read(sample.replaceAll("(?m)^# (?=(" + FIELDS + "|  [a-z]+):)", ""))).hasSize(1);
  }

  /** Of a part the rest is added. */
  private List<JobDefinition> read(String text) throws IOException {
    String whole = text;
    if (!text.lines().anyMatch(line -> line.startsWith("vm:"))) {
      whole = text + lacking(text);
    }
    return JobDefinitions.readAll(Files.writeString(folder.resolve("job.yaml"), whole));
  }

  private static String lacking(String text) {
    return FRAME
        .lines()
        .filter(line ->
            text.lines()
                .noneMatch(said -> said.startsWith(line.substring(0, line.indexOf(':') + 1))))
        .collect(Collectors.joining("\n", "", "\n"));
  }

  private static List<Path> pages() throws IOException {
    try (Stream<Path> files = Files.walk(Path.of("docs"))) {
      return Stream.concat(
              Stream.of(Path.of("README.md")),
              files.filter(file -> file.toString().endsWith(".md")).sorted())
          .toList();
    }
  }
}
