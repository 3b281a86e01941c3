package dev.backstep.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.backup.DiskTarget;
import dev.backstep.backup.RestoreTarget;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TargetNamesTests {

  @TempDir private Path temporary;

  private Path folder;

  @BeforeEach
  void resolveFolder() throws Exception {
    folder = temporary.toRealPath();
  }

  @Test
  void fileIsKnownAsItWasSaidAndWhereLinksLead() throws Exception {
    Path file = Files.createFile(folder.resolve("disk.raw"));
    Path link = Files.createSymbolicLink(folder.resolve("link"), file);

    assertThat(TargetNames.of(DiskTarget.onto(link.toString())))
        .containsExactlyInAnyOrder(link.toString(), file.toString());
    assertThat(TargetNames.of(DiskTarget.onto(file.toString()))).containsExactly(file.toString());
  }

  @Test
  void fileThatIsMadeIsKnownByTheFolderThatLinksLeadTo() throws Exception {
    Path made = Files.createDirectory(folder.resolve("made"));
    Path link = Files.createSymbolicLink(folder.resolve("link"), made);

    assertThat(TargetNames.of(DiskTarget.file(link, 0, RestoreTarget.RAW)))
        .containsExactlyInAnyOrder(
            link.resolve("disk-0.raw").toString(), made.resolve("disk-0.raw").toString());
  }

  @Test
  void exportIsTheSameHoweverItIsSpelled() {
    assertThat(TargetNames.of(DiskTarget.onto("nbd://host/a%2Db")))
        .isEqualTo(TargetNames.of(DiskTarget.onto("nbd://host:10809/a-b")))
        .isNotEqualTo(TargetNames.of(DiskTarget.onto("nbd://host/b")));
    assertThat(TargetNames.of(DiskTarget.onto("nbd+unix:///?socket=/run/a+b")))
        .isEqualTo(TargetNames.of(DiskTarget.onto("nbd+unix://?socket=/run/a%2Bb")));
  }

  @Test
  void diskOfAVmIsTheSameInEveryHomeFolder() {
    String socket = "nbd-onto-vm-7-2000-0123456789ab";

    assertThat(TargetNames.of(DiskTarget.onto("nbd+unix:///?socket=/home/a/run/" + socket)))
        .isEqualTo(TargetNames.of(DiskTarget.onto("nbd+unix:///?socket=/home/b/run/" + socket)))
        .containsExactly(socket);
  }
}
