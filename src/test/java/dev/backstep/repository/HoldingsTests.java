package dev.backstep.repository;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HoldingsTests {

  @TempDir Path folder;
  private Repository repository;
  private Path point;
  private Path manifest;

  /** A folder is no file that could be read, whoever asks: as a sector that is gone. */
  @BeforeEach
  void twoFilesThatCannotBeRead() throws Exception {
    repository = Repository.openOrCreate(folder.resolve("repository"));
    Path vm = repository.root().resolve("vms/web");
    point = Files.createDirectories(vm.resolve("restore-points/p.json"));
    manifest = Files.createDirectories(vm.resolve("disk-0/m.json"));
    Files.writeString(vm.resolve("restore-points/q.json"), "half");
    Files.writeString(vm.resolve("disk-0/n.json"), "half");
  }

  @Test
  void fileThatCannotBeReadHidesNoOther() throws Exception {
    assertThat(Holdings.of(repository).problems())
        .satisfiesExactlyInAnyOrder(
            line ->
                assertThat(line).startsWith(point + ": cannot be read (").endsWith("file system"),
            line -> assertThat(line).contains("q.json: not a valid RestorePoint"));
    assertThat(HeldImages.of(repository).problems())
        .satisfiesExactlyInAnyOrder(
            line -> assertThat(line).startsWith(manifest + ": cannot be read ("),
            line -> assertThat(line).contains("n.json: not a valid DiskManifest"));
  }

  /** As when what it lies on goes away between two files. */
  @Test
  void repositoryThatIsAwayIsNoFaultOfItsFiles() throws Exception {
    Files.delete(repository.root().resolve("repository.json"));

    assertThatThrownBy(() -> Holdings.of(repository))
        .hasMessageContaining("so it is not a repository")
        .satisfies(e -> assertThat(e.getSuppressed()).hasSize(1));
    assertThatThrownBy(() -> HeldImages.of(repository))
        .hasMessageContaining("so it is not a repository");
  }
}
