package dev.backstep.job.definition;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JobFolderTests {

  @TempDir private Path folder;

  private Path write(String file, String vmName) throws IOException {
    return Files.writeString(
        folder.resolve(file),
        """
        vm: "%s"
        source: { type: image, disks: [ { key: vda, path: /vms/a.qcow2 } ] }
        repository: /backups
        """
            .formatted(vmName));
  }

  private JobFolder jobs() {
    return new JobFolder(folder);
  }

  private List<JobFolder.Entry> find(String fileOrVm) {
    return jobs().find(fileOrVm, jobs().read());
  }

  private Path domain(String vmName, String source, String repository) throws IOException {
    return Files.writeString(
        folder.resolve(vmName + ".yaml"),
        """
        vm: %s
        source: { type: libvirt, %s }
        repository: %s
        """
            .formatted(vmName, source, repository));
  }

  @Test
  void findsByVmNameByPathAndByFileName() throws Exception {
    Path file = write("nightly.yaml", "../my vm");

    assertThat(find("../my vm")).extracting(JobFolder.Entry::file).containsExactly(file);
    assertThat(find(file.toString())).extracting(JobFolder.Entry::file).containsExactly(file);
    assertThat(find("nightly")).extracting(JobFolder.Entry::file).containsExactly(file);
    assertThat(find("other")).isEmpty();
  }

  @Test
  void refusesTwoDefinitionsOfOneVmNamingBothFiles() throws Exception {
    Path first = write("a.yaml", "pg");
    Path second = write("b.yml", "pg");

    for (String asked : new String[] {"pg", "a", "b", first.toString(), second.toString()}) {
      assertThatThrownBy(() -> find(asked))
          .isInstanceOf(JobDefinitionException.class)
          .hasMessageContainingAll(first.toString(), second.toString(), "'pg'");
    }
    assertThat(jobs().read().byVmName()).isEmpty();
    assertThat(jobs().read().twice()).containsExactly("pg");
  }

  /** Each backup would delete the other's checkpoints. */
  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '"',
      value = {
        "domain: db | domain: 'db'",
        "domain: db | domain: db, uri: 'qemu:///system'",
        "domain: db, uri: 'qemu:/session' | domain: db, uri: 'qemu+unix:///session'",
        "domain: 0e8c7a52-6d1f-4b3a-9c2d-5f7e8a9b0c1d | domain: 0E8C7A526D1F4B3A9C2D5F7E8A9B0C1D"
      },
      delimiter = '|')
  void refusesTwoDefinitionsOfOneDomainInOneRepository(String first, String second)
      throws Exception {
    domain("prod", first, "/r");
    Path other = domain("test", second, "/r");
    write("plain.yaml", "plain");

    assertThat(jobs().read().byVmName()).containsOnlyKeys("plain");
    assertThat(jobs().read().twice()).containsExactlyInAnyOrder("prod", "test");
    for (String asked : new String[] {"prod", "test", other.toString()}) {
      assertThatThrownBy(() -> find(asked))
          .isInstanceOf(JobDefinitionException.class)
          .hasMessageContainingAll("'prod'", "'test'", "same repository");
    }
  }

  /** Each would delete the other's bitmaps. */
  @Test
  void refusesTwoDefinitionsOfOneMonitorInOneRepository() throws Exception {
    Path first = monitor("prod", "/run/db.qmp", "/r");
    Path second = monitor("test", "/run/./db.qmp", "/r");
    monitor("other", "/run/other.qmp", "/r");
    monitor("elsewhere", "/run/db.qmp", "/r2");

    assertThat(jobs().read().byVmName()).containsOnlyKeys("other", "elsewhere");
    for (String asked : new String[] {"prod", "test", second.toString()}) {
      assertThatThrownBy(() -> find(asked))
          .isInstanceOf(JobDefinitionException.class)
          .hasMessageContainingAll("'prod'", "'test'", first.toString(), "same socket");
    }
  }

  private Path monitor(String vmName, String socket, String repository) throws IOException {
    return Files.writeString(
        folder.resolve(vmName + ".yaml"),
        """
        vm: %s
        source: { type: qmp, socket: "%s", disks: [ { key: vda, node: disk0, path: /vms/a.qcow2 } ] }
        repository: %s
        """
            .formatted(vmName, socket, repository));
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '"',
      value = {
        "domain: db | /other",
        "domain: DB | /r",
        "domain: db, uri: 'qemu:///session' | /r",
        "domain: db, uri: 'qemu://system' | /r",
        "select-name: db | /r"
      },
      delimiter = '|')
  void takesTwoDefinitionsThatDoNotMeet(String second, String repository) throws Exception {
    domain("prod", "domain: db", "/r");
    domain("test", second, repository);

    assertThat(jobs().read().byVmName()).containsOnlyKeys("prod", "test");
    assertThat(jobs().read().broken()).isEmpty();
    assertThat(find("test")).hasSize(1);
  }

  @Test
  void usesTheGoodDefinitionBesideABrokenOne() throws Exception {
    Path good = write("good.yaml", "pg");
    Files.writeString(folder.resolve("broken.yaml"), "vm: [");

    assertThat(find("pg")).extracting(JobFolder.Entry::file).containsExactly(good);
    assertThatThrownBy(() -> find("unknown")).hasMessageContaining("broken.yaml:1:");
    assertThat(jobs().read().broken()).hasSize(1);
  }

  @Test
  void leavesOtherFilesAlone() throws Exception {
    write("example.yaml.disabled", "a");
    write(".hidden.yaml", "b");
    Files.createDirectory(folder.resolve("folder.yaml"));

    assertThat(jobs().read().byVmName()).isEmpty();
    assertThat(jobs().read().broken()).isEmpty();
    assertThat(new JobFolder(folder.resolve("absent")).read().byVmName()).isEmpty();
  }

  @Test
  void findsEveryDefinitionOfAFileAndEachByItsName() throws Exception {
    Path file = write("group.yaml", "a");
    Files.writeString(
        file, Files.readString(file) + "---\n" + Files.readString(write("b.yaml", "b")));
    Files.delete(folder.resolve("b.yaml"));

    assertThat(find("group"))
        .extracting(entry -> entry.definition().vmName())
        .containsExactly("a", "b");
    assertThat(find("b")).hasSize(1);
    assertThat(jobs().read().byVmName()).containsOnlyKeys("a", "b");
  }

  @Test
  void refusesOneVmTwiceInAFile() throws Exception {
    Path file = write("group.yaml", "a");
    Files.writeString(file, Files.readString(file) + "---\n" + Files.readString(file));

    assertThatThrownBy(() -> find("group"))
        .isInstanceOf(JobDefinitionException.class)
        .hasMessageContaining("VM 'a' is defined in " + file + " already");
    assertThat(jobs().read().byVmName()).isEmpty();
  }
}
