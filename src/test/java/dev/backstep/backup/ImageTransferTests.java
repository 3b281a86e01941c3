package dev.backstep.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VmId;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.ReplacementSteps;
import dev.backstep.repository.Repository;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageTransferTests {

  private static final int CLUSTER = ClusterMap.CLUSTER_BYTES;

  @TempDir Path temp;

  private LayeredDisk layered(String name) throws IOException {
    LayeredDisk disk = new LayeredDisk(temp.resolve(name));
    disk.add(3 * CLUSTER, Compression.NONE, 1, index -> 'd');
    disk.add(3 * CLUSTER, Compression.NONE, 2, index -> index == 1 ? 'd' : '.');
    return disk;
  }

  private static DiskManifest.Replacement merged(LayeredDisk disk) throws IOException {
    ImageMerge.Request request =
        new ImageMerge.Request(disk.folder, disk.ids.get(1), Optional.empty(), Compression.NONE, 1);
    try (ImageMerge merge = ImageMerge.open(request, Optional.empty())) {
      while (merge.put()) {}
      return merge.finish(Instant.parse("2026-02-01T00:00:00Z"));
    }
  }

  private static void toTheEnd(ImageTransfer transfer) throws IOException {
    while (!transfer.isEnded()) {
      transfer.part(CLUSTER);
    }
  }

  /** A merge may die at any of them, and the copy come hours later. */
  @Test
  void imageThatIsBeingReplacedIsCopiedAtEachStepOfThat() throws Exception {
    int steps = 1;
    for (int done = 0; done <= steps; done++) {
      LayeredDisk disk = layered("from-" + done);
      DiskBackupId id = disk.ids.get(1);
      DiskManifest.Replacement next = merged(disk);
      steps = ReplacementSteps.count(disk.folder, id, next);
      ReplacementSteps.run(disk.folder, id, next, done);
      Repository to = Repository.openOrCreate(temp.resolve("to-" + done));
      DiskFolder copy = to.disk(new VmId("vm"), 0);

      try (ImageTransfer transfer = ImageTransfer.open(disk.folder, copy, id, Optional.empty())) {
        toTheEnd(transfer);
        transfer.publish(to.id());
      }

      try (ImageCheck check = new ImageCheck(copy, id)) {
        assertThat(check.structure()).as("after %d steps", done).isEmpty();
        check.openData(0, true);
        assertThat(check.data(Long.MAX_VALUE).damages()).isEmpty();
      }
      assertThat(Files.mismatch(copy.image(id), disk.folder.image(id))).isEqualTo(-1);
      assertThat(copy.partialChecksums(id)).doesNotExist();
    }
  }

  @Test
  void checksumsThatChangedSinceItBeganAreNotPublished() throws Exception {
    LayeredDisk disk = layered("from");
    DiskBackupId id = disk.ids.get(0);
    Repository to = Repository.openOrCreate(temp.resolve("to"));
    DiskFolder copy = to.disk(new VmId("vm"), 0);
    Path sums = disk.folder.checksums(id);

    try (ImageTransfer transfer = ImageTransfer.open(disk.folder, copy, id, Optional.empty())) {
      toTheEnd(transfer);
      byte[] bytes = Files.readAllBytes(sums);
      Files.write(sums, Arrays.copyOf(bytes, bytes.length - 16));

      assertThatThrownBy(() -> transfer.publish(to.id()))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("relaunch the copy");
    }

    assertThat(copy.image(id)).doesNotExist();
    assertThat(copy.manifest(id)).isEmpty();
  }
}
