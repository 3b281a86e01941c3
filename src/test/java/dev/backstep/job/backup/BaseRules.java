package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * What becomes of an incremental whose base is gone, cannot be read or is not what was written; run
 * on each database.
 */
abstract class BaseRules extends OneBackupTest {

  private static final int CLUSTER_BYTES = 65536;

  private static final Reason BROKEN = Reason.BASE_FAILED_VERIFY;

  /** An entry of a second table: data far behind the end of the file. */
  private static final long FAR_BEHIND = 0x8000010000000000L;

  @Test
  void baseThatIsMissingOrDamagedCostsAFull() throws Exception {
    SimulatedDisk disk = addDisk("a", 3_000_000);
    disk.write();
    Path image = image(complete(), 0);
    Files.move(image, image.resolveSibling("away"));
    BackupRow missing = complete();
    Path second = image(missing, 0);
    byte[] bytes = Files.readAllBytes(second);
    Files.write(second, java.util.Arrays.copyOf(bytes, bytes.length / 2));
    BackupRow damaged = complete();

    assertThat(reason(missing, 0)).isEqualTo(Reason.BASE_MISSING);
    assertThat(reason(damaged, 0)).isEqualTo(Reason.BASE_FAILED_VERIFY);
  }

  /**
   * Only who reads the base finds that, for its header and first table are right: in the second
   * table, or in the data that one entry of it says is far behind the end of the file.
   */
  @Test
  void baseThatCannotBeReadCostsAFullOfThatDiskAlone() throws Exception {
    SimulatedDisk disk = addDisk("a", 3_000_000);
    SimulatedDisk sibling = addDisk("b", 3_000_000);
    disk.write();
    sibling.write();
    Path image = image(complete(), 0);
    for (long wrong : List.of(0x8000000000000200L, FAR_BEHIND)) {
      pointSecondTableAt(image, 0, disk.size(), wrong);
      disk.write();
      sibling.write();

      BackupRow next = complete();

      costsAFull(next, image);
      sameDisk(next, disk, sibling);
      image = image(next, 0);
    }
  }

  /** The disk's own tracking was reset; its chain looks sound until its data is read. */
  @Test
  void chainThatCannotBeComparedWithCostsAFullInTheSameRun() throws Exception {
    SimulatedDisk disk = addDisk("a", 3_000_000);
    SimulatedDisk sibling = addDisk("b", 3_000_000);
    disk.write();
    sibling.write();
    Path image = image(complete(), 0);
    pointSecondTableAt(image, 0, disk.size(), FAR_BEHIND);
    disk.resetTracking();
    disk.write();
    sibling.write();

    BackupRow next = complete(comparing(), RequestedLevel.AUTO);

    costsAFull(next, image);
    assertThat(next.disks().getFirst().baseId()).isEmpty();
    sameDisk(next, disk, sibling);
  }

  /** Much of the disk is compared and stored by then; and the whole copy breaks off once more. */
  @Test
  void chainThatFailsInTheMiddleLeavesNothingOfTheComparisonBehind() throws Exception {
    SimulatedDisk disk = addLargeDisk("a");
    Path image = image(complete(), 0);
    pointSecondTableAt(image, disk.size() / 10 * 7, disk.size(), FAR_BEHIND);
    disk.resetTracking();
    for (int i = 0; i < 200; i++) {
      disk.write();
    }
    machine.readBudget = 130_000_000;
    BackupRow failed = ended(jobs.launch(comparing(), RequestedLevel.AUTO));
    assertThat(failed.status()).isEqualTo(Status.FAILED);
    assertThat(failed.error().orElse("")).contains("the simulated disk failed to read");
    assertThat(reason(failed, 0)).as("it broke off behind that").isEqualTo(BROKEN);
    machine.readBudget = -1;

    BackupRow relaunched = ended(jobs.relaunch(failed.id().value()));

    assertThat(relaunched.status()).as("%s", relaunched.error()).isEqualTo(Status.COMPLETED);
    assertThat(reason(relaunched, 0)).isEqualTo(BROKEN);
    assertThat(relaunched.disks().getFirst().cause()).contains(image.getFileName().toString());
    sameDisk(relaunched, disk);
  }

  /** A flipped bit in an image differs from the disk as a lie of its tracking does. */
  @Test
  void imageThatRotsIsNotHeldAgainstTheTracking() throws Exception {
    SimulatedDisk disk = addDisk("a", 3_000_000);
    SimulatedDisk sibling = addDisk("b", 3_000_000);
    disk.write(0, 1_000_000);
    sibling.write();
    BackupRow first = complete();
    disk.write(1_500_000, 300_000);
    BackupRow second = complete();
    flip(image(first, 0), 2 * CLUSTER_BYTES);
    disk.write(2_500_000, 1000);
    sibling.write();

    BackupRow next = complete();

    costsAFull(next, image(first, 0));
    assertThat(next.disks().getFirst().cause()).contains("byte 131072 +65536 of the disk");
    for (BackupRow earlier : List.of(first, second)) {
      BackupRow now = queries.backup(earlier.id());
      assertThat(now.disks().get(0).damaged()).as("as a verification would say").isTrue();
      assertThat(now.disks().get(1).damaged()).isFalse();
    }
    sameDisk(next, disk, sibling);
    assertThat(reason(complete(), 0)).isEqualTo(Reason.CHANGED_EXTENTS);
  }

  @Test
  void lieBesideAnImageThatRotsIsToldAsALie() throws Exception {
    SimulatedDisk disk = addDisk("a", 3_000_000);
    disk.write(0, 1_000_000);
    BackupRow first = complete();
    disk.write(1_500_000, 300_000);
    complete();
    flip(image(first, 0), 2 * CLUSTER_BYTES);
    disk.write(1_600_000, 1000);
    disk.forget();

    BackupRow next = complete();

    assertThat(reason(next, 0)).isEqualTo(Reason.CBT_AUDIT_FAILED);
    assertThat(next.disks().getFirst().cause())
        .contains("byte 1572864 +65536")
        .doesNotContain("byte 131072");
    assertThat(next.disks().getFirst().bytesDiffering()).isEqualTo(CLUSTER_BYTES);
    assertThat(queries.backup(first.id()).disks().getFirst().damaged()).isTrue();
    sameDisk(next, disk);
  }

  private JobDefinition comparing() {
    return definition("cbt-reset: compare");
  }

  /** Of the first disk, for that image; not of the second one. */
  private void costsAFull(BackupRow backup, Path image) {
    assertThat(reason(backup, 0)).as(backup.disks().getFirst().cause()).isEqualTo(BROKEN);
    assertThat(backup.disks().getFirst().cause()).contains(image.getFileName().toString());
    assertThat(reason(backup, 1)).isEqualTo(Reason.CHANGED_EXTENTS);
  }

  /** All entries that say where a cluster lies. */
  private static void pointSecondTableAt(Path image, int from, int to, long entry)
      throws IOException {
    try (FileChannel file = open(image)) {
      for (int guest = from / CLUSTER_BYTES * CLUSTER_BYTES; guest < to; guest += CLUSTER_BYTES) {
        long at = entryOf(file, guest);
        if (entryAt(file, at) != 0) {
          file.write(ByteBuffer.allocate(8).putLong(entry).flip(), at);
        }
      }
    }
  }

  /** One bit of what the image has of a byte of the disk. */
  private static void flip(Path image, int guest) throws IOException {
    try (FileChannel file = open(image)) {
      long at = (entryAt(file, entryOf(file, guest)) & 0x00fffffffffffe00L) + guest % CLUSTER_BYTES;
      ByteBuffer one = ByteBuffer.allocate(1);
      file.read(one, at);
      file.write(one.put(0, (byte) (one.get(0) ^ 1)).flip(), at);
    }
  }

  private static FileChannel open(Path image) throws IOException {
    return FileChannel.open(image, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  /** Where the second table's entry of a byte of the disk is. */
  private static long entryOf(FileChannel file, int guest) throws IOException {
    long firstTable = entryAt(file, 40);
    return (entryAt(file, firstTable) & 0x00fffffffffffe00L) + guest / CLUSTER_BYTES * 8L;
  }

  private static long entryAt(FileChannel file, long at) throws IOException {
    ByteBuffer entry = ByteBuffer.allocate(8);
    file.read(entry, at);
    return entry.flip().getLong();
  }
}
