package dev.backstep.job.definition;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.backstep.domain.JobDefinition;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SelectionDefinitionTests {

  private static final String START = "vm: kvm\nrepository: /backups\nsource:\n  type: libvirt\n  ";

  @TempDir private Path folder;

  private String message(String yaml) throws Exception {
    Path file = Files.writeString(folder.resolve("kvm.yaml"), yaml);
    return catchThrowableOfType(JobDefinitionException.class, () -> JobDefinitions.readAll(file))
        .getMessage()
        .replace(folder + "/", "");
  }

  @Test
  void selectionIsReadAndWrittenAsItStands() {
    JobDefinition definition =
        JobDefinitions.read(
            START
                + "select-name: \"web-*\"\n  select-title: \"Shop ?\"\n  select-tag: gold\n"
                + "  allow-empty: true\n  quiesce: off\n");

    assertThat(definition.source().isSelection()).isTrue();
    assertThat(definition.source().settings())
        .isEqualTo(
            Map.of(
                "select-name", "web-*",
                "select-title", "Shop ?",
                "select-tag", "gold",
                "allow-empty", "true",
                "quiesce", "off"));
    assertThat(JobDefinitions.read(JobDefinitions.write(definition))).isEqualTo(definition);
  }

  @Test
  void selectedVmKeepsAllButTheSelection() {
    JobDefinition selection =
        JobDefinitions.read(
            START + "select-name: \"*\"\n  allow-empty: true\n  uri: qemu:///session\n");

    JobDefinition one =
        selection.of("web1", selection.source().selected(Map.of("domain", "the-uuid")));

    assertThat(one.vmName()).isEqualTo("web1");
    assertThat(one.source().isSelection()).isFalse();
    assertThat(one.source().settings())
        .isEqualTo(Map.of("domain", "the-uuid", "uri", "qemu:///session"));
    assertThat(JobDefinitions.read(JobDefinitions.write(one))).isEqualTo(one);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          quiesce: off | kvm.yaml:4:3: source 'libvirt' has nothing to say which VM is meant; expected 'domain' for one, or at least one of select-name, select-title, select-tag for all that fit
          domain: a, select-tag: b | kvm.yaml:4:3: source 'libvirt' has 'domain' and select-tag to say which VM is meant; expected 'domain' for one
          domain: a, allow-empty: true | kvm.yaml:4:3: 'allow-empty' beside 'domain'; expected only with a selection
          select-name: a, allow-empty: yes | kvm.yaml:6:16: 'allow-empty' is 'yes'; expected true or false
          select-name: "" | kvm.yaml:5:16: 'select-name' is ''; expected 1 to 200 characters
          select-tag: two words | kvm.yaml:5:15: 'select-tag' is 'two words'; expected one tag: 1 to 100 characters without spaces and commas
          select-names: a | kvm.yaml:5:3: unknown field 'select-names' in a source; accepted: after-snapshot, allow-empty
          """)
  void refusesWhatSaysNoSelectionWithLineAndAcceptedValues(String source, String expected)
      throws Exception {
    assertThat(message(START + source.replace(", ", "\n  ") + "\n")).contains(expected);
  }

  @Test
  void refusesWhatAServerDoesForOneVmOnly() throws Exception {
    String scheduled = "schedule: { cron: \"0 0 1 * * ?\" }\n";

    assertThat(
            message(
                START + "select-name: a\n" + scheduled + "verify: {}\nreplicate: { folder: /r }"))
        .isEqualTo(
            "kvm.yaml:1:1: a selection of VMs with 'verify', 'replicate'; expected only where"
                + " 'source' names one VM");
  }

  @Test
  void fileHoldsSeveralDefinitionsAndTellsEachProblemWithItsLine() throws Exception {
    String image =
        "vm: a\n"
            + "source: { type: image, disks: [ { key: vda, path: a.raw } ] }\n"
            + "repository: /backups\n";
    Path file =
        Files.writeString(
            folder.resolve("kvm.yaml"), image + "---\n" + START + "select-tag: gold\n");

    assertThat(JobDefinitions.readAll(file))
        .extracting(JobDefinition::vmName)
        .containsExactly("a", "kvm");
    assertThat(message(image + "---\n" + START + "quiesce: maybe\n---\n" + image + "level: all\n"))
        .contains("kvm.yaml:9:12: 'quiesce' is 'maybe'")
        .contains("kvm.yaml:14:8: 'level' is 'all'");
    assertThat(message(image + "---\n")).contains("where a job definition is expected");
  }

  @Test
  void storedTextIsOneDefinition() {
    String one = START + "domain: a\n";

    assertThat(
            catchThrowableOfType(
                JobDefinitionException.class, () -> JobDefinitions.read(one + "---\n" + one)))
        .hasMessage("job definition: 2 definitions in one text; expected one");
  }
}
