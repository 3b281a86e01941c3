package dev.backstep.job.definition;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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

  @Test
  void findsByVmNameByPathAndByFileName() throws Exception {
    Path file = write("nightly.yaml", "../my vm");

    assertThat(jobs().find("../my vm")).extracting(JobFolder.Entry::file).containsExactly(file);
    assertThat(jobs().find(file.toString()))
        .extracting(JobFolder.Entry::file)
        .containsExactly(file);
    assertThat(jobs().find("nightly")).extracting(JobFolder.Entry::file).containsExactly(file);
    assertThat(jobs().find("other")).isEmpty();
  }

  @Test
  void refusesTwoDefinitionsOfOneVmNamingBothFiles() throws Exception {
    Path first = write("a.yaml", "pg");
    Path second = write("b.yml", "pg");

    for (String asked : new String[] {"pg", "a", "b", first.toString(), second.toString()}) {
      assertThatThrownBy(() -> jobs().find(asked))
          .isInstanceOf(JobDefinitionException.class)
          .hasMessageContainingAll(first.toString(), second.toString(), "'pg'");
    }
    assertThat(jobs().read().byVmName()).isEmpty();
  }

  @Test
  void usesTheGoodDefinitionBesideABrokenOne() throws Exception {
    Path good = write("good.yaml", "pg");
    Files.writeString(folder.resolve("broken.yaml"), "vm: [");

    assertThat(jobs().find("pg")).extracting(JobFolder.Entry::file).containsExactly(good);
    assertThatThrownBy(() -> jobs().find("unknown")).hasMessageContaining("broken.yaml:1:");
    assertThat(jobs().read().broken()).hasSize(1);
  }

  @Test
  void leavesOtherFilesAlone() throws Exception {
    write("example.yaml.disabled", "a");
    write(".hidden.yaml", "b");
    Files.createDirectory(folder.resolve("folder.yaml"));

    assertThat(jobs().read().byVmName()).isEmpty();
    assertThat(jobs().read().broken()).isEmpty();
    assertThat(new JobFolder(folder.resolve("absent")).find("a")).isEmpty();
  }

  @Test
  void findsEveryDefinitionOfAFileAndEachByItsName() throws Exception {
    Path file = write("group.yaml", "a");
    Files.writeString(
        file, Files.readString(file) + "---\n" + Files.readString(write("b.yaml", "b")));
    Files.delete(folder.resolve("b.yaml"));

    assertThat(jobs().find("group"))
        .extracting(entry -> entry.definition().vmName())
        .containsExactly("a", "b");
    assertThat(jobs().find("b")).hasSize(1);
    assertThat(jobs().read().byVmName()).containsOnlyKeys("a", "b");
  }

  @Test
  void refusesOneVmTwiceInAFile() throws Exception {
    Path file = write("group.yaml", "a");
    Files.writeString(file, Files.readString(file) + "---\n" + Files.readString(file));

    assertThatThrownBy(() -> jobs().find("group"))
        .isInstanceOf(JobDefinitionException.class)
        .hasMessageContaining("VM 'a' is defined in " + file + " already");
    assertThat(jobs().read().byVmName()).isEmpty();
  }
}
