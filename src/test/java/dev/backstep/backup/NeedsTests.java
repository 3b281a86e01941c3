package dev.backstep.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class NeedsTests {

  private static Needs.Image image(int backup, int disk, int base) {
    return new Needs.Image(
        new DiskBackupId("disk" + disk + "-" + backup),
        id(backup),
        base == 0 ? Optional.empty() : Optional.of(new DiskBackupId("disk" + disk + "-" + base)));
  }

  private static BackupId id(int backup) {
    return new BackupId("backup-" + backup);
  }

  @Test
  void chainsAreNeededDownToTheirRoot() {
    List<Needs.Image> images =
        List.of(image(1, 0, 0), image(2, 0, 1), image(3, 0, 2), image(4, 0, 0), image(5, 0, 4));

    assertThat(Needs.neededBy(images, Set.of(id(3))).keySet()).containsExactly(id(2), id(1));
    assertThat(Needs.neededBy(images, Set.of(id(5))).keySet()).containsExactly(id(4));
    assertThat(Needs.neededBy(images, Set.of(id(4)))).isEmpty();
  }

  @Test
  void backupThatOneDiskNeedsKeepsWhatItsOtherDisksNeed() {
    // Disk 1 of backup 2 is a full; disk 1 of backup 1 is needed by nobody but through backup 2.
    List<Needs.Image> images =
        List.of(
            image(1, 0, 0),
            image(1, 1, 0),
            image(2, 0, 0),
            image(2, 1, 1),
            image(3, 0, 2),
            image(3, 1, 0));

    assertThat(Needs.neededBy(images, Set.of(id(3))).keySet()).containsExactly(id(2), id(1));
  }

  @Test
  void missingBaseAndCyclesEndTheWalk() {
    List<Needs.Image> images = List.of(image(1, 0, 2), image(2, 0, 1), image(3, 0, 9));

    assertThat(Needs.neededBy(images, Set.of(id(3)))).isEmpty();
    assertThat(Needs.neededBy(images, Set.of(id(1))).keySet()).containsExactly(id(2));
  }
}
