package dev.backstep.bench;

import dev.backstep.backup.DiskBackup;
import dev.backstep.backup.DiskPlanner;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.CbtResetPolicy;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.VmId;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.Repository;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.image.ImageSourceProvider;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** A full backup from a raw file. */
final class RawCases extends BenchCase {

  RawCases(TestBed bed) {
    super(bed);
  }

  void fullRaw(Path raw) throws Exception {
    List<BackupRow> made = new ArrayList<>();
    Path peer = folder.resolve("peer.qcow2");
    rows.add(
        measure.compare(
            "full from a raw file",
            "`qemu-img convert -W -m 8 -t none -O qcow2`",
            1.00,
            0.80,
            () ->
                Measure.inProcess(() ->
                    made.add(
                        backUp(
                            definition(
                                "raw", images(raw), newRepository(), RequestedLevel.FULL, 0, 2)))),
            () ->
                Measure.commands(
                    folder, "qemu-img convert -f raw -W -m 8 -t none -O qcow2 disk.raw peer.qcow2"),
            checked(made, raw, "raw", peer)));
  }

  /** The same copy by the same classes without Batch, database and progress. */
  void overhead(Path raw) throws Exception {
    List<BackupRow> made = new ArrayList<>();
    Path bare = folder.resolve("bare");
    rows.add(
        measure.compare(
            "job, database and progress",
            "the same copy without them",
            1.03,
            () ->
                Measure.inProcess(() ->
                    made.add(
                        backUp(
                            definition(
                                "raw", images(raw), newRepository(), RequestedLevel.FULL, 0, 2)))),
            () -> Measure.inProcess(() -> copyOnly(raw, bare)),
            () -> {
              checked(made, raw, "raw").run();
              remove(bare);
            }));
  }

  private void copyOnly(Path raw, Path target) throws Exception {
    Repository repository = Repository.openOrCreate(target);
    VmId vm = VmId.ofName("bare");
    DiskFolder disks = repository.disk(vm, 0);
    BackupId id = new BackupId("bare-" + System.nanoTime());
    Path run = Files.createDirectories(folder.resolve("run"));
    try (Snapshot snapshot =
        new ImageSourceProvider()
            .open(images(raw), run)
            .snapshot(new SnapshotRequest(repository.id(), id, Map.of(), Set.of()))) {
      var disk = snapshot.disks().getFirst();
      var settings = new DiskPlanner.Settings(RequestedLevel.FULL, CbtResetPolicy.FULL, 60);
      var plan = new DiskPlanner(settings, disks).plan(disk, Optional.empty(), false);
      var request =
          new DiskBackup.Request(
              id,
              new DiskBackupId(id.value()),
              repository.id(),
              vm,
              "bare",
              0,
              disk.key(),
              Optional.empty(),
              plan,
              snapshot.takenAt(),
              Compression.NONE,
              1,
              ChecksumKind.CRC32C);
      try (DiskBackup copy = DiskBackup.open(request, disk, disks, Optional.empty())) {
        for (var item = copy.next(); item.isPresent(); item = copy.next()) {
          copy.put(item.get());
        }
        copy.seal(Instant.now(), () -> {});
      }
    }
  }

  void zstd(Path raw, int level, double goal) throws Exception {
    List<BackupRow> made = new ArrayList<>();
    Path peer = folder.resolve("peer.qcow2");
    long[] sizes = new long[2];
    Measure.Check check = checked(made, raw, "raw", peer);
    rows.add(
        measure.compare(
            "full, zstd level " + level,
            "`qemu-img convert -c -o compression_type=zstd -W -m 8`",
            goal,
            () ->
                Measure.inProcess(() ->
                    made.add(
                        backUp(
                            definition(
                                "zstd",
                                images(raw),
                                newRepository(),
                                RequestedLevel.FULL,
                                level,
                                2)))),
            () ->
                Measure.commands(
                    folder,
                    "qemu-img convert -f raw -c -o compression_type=zstd -W -m 8 -O qcow2 disk.raw"
                        + " peer.qcow2 && sync peer.qcow2"),
            () -> {
              sizes[0] = Files.size(image(made.getFirst(), 0));
              sizes[1] = Files.size(peer);
              check.run();
            }));
    System.out.printf(
        "zstd level %d: %d MiB stored, by qemu-img %d MiB%n",
        level, sizes[0] >> 20, sizes[1] >> 20);
  }
}
